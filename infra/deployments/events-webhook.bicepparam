// Event subscriptions that deliver to the functions' URLs, a topic for samples, and further subscriptions.
using '../eventing.bicep'

param environmentName = 'prod'
param location = 'westeurope'
param resourceGroupName = 'rg-prod'
param functionAppId = '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-prod/providers/Microsoft.Web/sites/func-prod'
param functionAppUrl = 'https://func-prod.azurewebsites.net'
param topicName = 'evgt-aks-prod'
param topicResourceGroup = 'rg-prod'
param deadLetterIdentityId = '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-prod/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-eventgrid-prod'
param deadLetterAccountId = '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-prod/providers/Microsoft.Storage/storageAccounts/stprod'
param actionGroupId = '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-prod/providers/Microsoft.Insights/actionGroups/ag-prod'
param destinationType = 'WebHook'
param testTopicName = 'evgt-sample-prod'
param principalId = '00000000-0000-0000-0000-00000000000c'
param topicHasIdentity = false
param furtherSubscriptions = [
  '00000000-0000-0000-0000-00000000000A'
  '00000000-0000-0000-0000-00000000000a'
  '00000000-0000-0000-0000-000000000001'
]
param fleetTopicName = 'evgt-fleets-shared'
param fleetTopicResourceGroup = 'rg-events'
param fleetTopicHasIdentity = false
param furtherFleetSubscriptions = ['00000000-0000-0000-0000-00000000000a']
