// Mail through a Communication Services resource and a system topic that are there already.
using '../main.bicep'

param environmentName = 'prod'
param location = 'westeurope'
param emailTo = 'ops@example.com'
param alertEmail = 'oncall@example.com'
param emailProvider = 'acs'
param emailFrom = 'aks@example.com'
param existingCommunicationServiceName = 'acs-shared'
param existingCommunicationServiceResourceGroup = 'rg-mail'
param existingSystemTopicName = 'evgt-shared'
param existingSystemTopicResourceGroup = 'rg-events'
