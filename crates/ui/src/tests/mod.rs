//! The pages over a real store and the real API.
