// Asks about subscriptions, and tells all that follows from it.
using '../main.bicep'

param environmentName = 'prod'
param location = 'westeurope'
param emailTo = 'ops@example.com'
param alertEmail = 'oncall@example.com'
param emailProvider = 'none'
param emailFrom = 'aks@example.com'
param clusters = '00000000-0000-0000-0000-00000000000a'
param subscriptions = '00000000-0000-0000-0000-00000000000B,00000000-0000-0000-0000-00000000000a'
param advisories = true
param reportSchedule = '0 0 7 * * MON'
param quietKinds = 'new-version,recovered'
