// A Communication Services resource that is there already.
param communicationServiceName string

resource service 'Microsoft.Communication/communicationServices@2025-05-01' existing = {
  name: communicationServiceName
}

output endpoint string = 'https://${service.properties.hostName}'
