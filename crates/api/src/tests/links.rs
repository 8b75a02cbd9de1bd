//! Short links: made, changed, listed, drawn, counted.
