// Event subscriptions that deliver to the functions, and the topics of two clusters.
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
param emailTopicName = 'evgt-email-prod'
param clusterTopics = [
  '/subscriptions/00000000-0000-0000-0000-00000000000A/resourceGroups/rg-shop/providers/Microsoft.ContainerService/managedClusters/shop'
  '/subscriptions/00000000-0000-0000-0000-00000000000a/resourcegroups/rg-shop/providers/microsoft.containerservice/managedclusters/shop'
  '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-bank/providers/Microsoft.ContainerService/managedClusters/bank'
]
