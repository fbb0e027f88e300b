"""Reading the Bicep files, and what is asked of them."""
