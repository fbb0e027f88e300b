// Mail from a mailbox of Exchange Online, with drafts; events also to a topic that is there.
using '../main.bicep'

param environmentName = 'prod'
param location = 'westeurope'
param emailTo = 'ops@example.com'
param alertEmail = 'oncall@example.com'
param emailProvider = 'graph'
param graphMailbox = 'aks@example.com'
param graphDrafts = true
param existingOutTopicName = 'evgt-itsm'
param existingOutTopicResourceGroup = 'rg-itsm'
