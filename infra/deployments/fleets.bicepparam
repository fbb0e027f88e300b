// Fleets of this subscription and of another: a topic for gates here, and the right to read there.
using '../main.bicep'

param environmentName = 'prod'
param location = 'westeurope'
param emailTo = 'ops@example.com'
param alertEmail = 'oncall@example.com'
param emailProvider = 'none'
param emailFrom = 'aks@example.com'
param fleets = '00000000-0000-0000-0000-000000000001, 00000000-0000-0000-0000-00000000000F'
param gateReminder = '2h'
