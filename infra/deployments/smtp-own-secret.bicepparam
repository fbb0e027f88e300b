// Mail through a relay, whose password is in a vault of one's own.
using '../main.bicep'

param environmentName = 'prod'
param location = 'westeurope'
param emailTo = 'ops@example.com'
param alertEmail = 'oncall@example.com'
param emailProvider = 'smtp'
param emailFrom = 'aks@example.com'
param smtpUrl = 'smtps://user@smtp.example.com:465'
param smtpPasswordSecretUri = 'https://mine.vault.azure.net/secrets/relay'
