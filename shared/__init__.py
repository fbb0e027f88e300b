"""The application: from an AKS maintenance event to an email."""
