// Mail through a relay that asks for no password.
using '../main.bicep'

param environmentName = 'prod'
param location = 'westeurope'
param emailTo = 'ops@example.com'
param alertEmail = 'oncall@example.com'
param emailProvider = 'smtp'
param emailFrom = 'aks@example.com'
param smtpUrl = 'smtp://relay.example.com:25'
