"""What is asked: Azure Resource Manager."""
