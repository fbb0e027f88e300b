// Mail through a relay, whose password is in a vault of the deployment.
using '../main.bicep'

param environmentName = 'prod'
param location = 'westeurope'
param emailTo = 'ops@example.com'
param alertEmail = 'oncall@example.com'
param emailProvider = 'smtp'
param emailFrom = 'aks@example.com'
param smtpUrl = 'smtp://user@smtp.example.com:587'
param smtpPassword = 'a password'
