//! Seeds by the thousand, and proof that the simulation can see what it looks for.

mod file_system;
mod seeds;
