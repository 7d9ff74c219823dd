"""One script a page, thin; what they share is in `pages._ui`."""
