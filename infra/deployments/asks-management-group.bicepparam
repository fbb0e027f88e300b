// Asks about all subscriptions below a management group, on which managementGroup.bicep gives the role.
using '../main.bicep'

param environmentName = 'prod'
param location = 'westeurope'
param emailTo = 'ops@example.com'
param alertEmail = 'oncall@example.com'
param emailProvider = 'none'
param emailFrom = 'aks@example.com'
param clusters = '00000000-0000-0000-0000-00000000000a'
param managementGroup = 'platform'
