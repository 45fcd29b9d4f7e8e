// Exports for the tests of this package.
package appautoscaling

const RequestPerTarget = requestPerTarget

const ServiceCPU = serviceCPU

const ServiceMemory = serviceMemory
