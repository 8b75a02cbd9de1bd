//! Forms: made, changed, shown with a snippet for pages.
