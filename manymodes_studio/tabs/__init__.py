"""What is on each tab; what its buttons do is in the modules of `studio` that are called as the tabs are."""
