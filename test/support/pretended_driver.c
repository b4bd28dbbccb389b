/* Stands for libcuda.so.1, NVIDIA's driver: what it answers is in variables. Nothing computes on it. */
#include <stdlib.h>
#include <string.h>

static int number(const char *name, int otherwise) {
  const char *value = getenv(name);
  return value == NULL ? otherwise : atoi(value);
}

int cuInit(unsigned flags) { return number("PRETENDED_INIT", 0); }

int cuDriverGetVersion(int *version) {
  *version = number("PRETENDED_VERSION", 12080);
  return 0;
}

int cuDeviceGetCount(int *count) {
  *count = number("PRETENDED_COUNT", 1);
  return 0;
}

int cuDeviceGet(int *device, int index) {
  *device = index;
  return 0;
}

int cuDeviceGetName(char *name, int bytes, int device) {
  strncpy(name, "Pretended GPU", bytes);
  return 0;
}

int cuGetErrorName(int code, const char **name) {
  *name = code == 100 ? "CUDA_ERROR_NO_DEVICE" : "CUDA_ERROR_UNKNOWN";
  return 0;
}
