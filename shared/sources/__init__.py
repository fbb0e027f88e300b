"""What is asked: Azure Resource Manager, its activity log and upgrade profiles, and Azure Resource Graph."""
