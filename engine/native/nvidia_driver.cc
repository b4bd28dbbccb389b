// Asks NVIDIA's driver which GPUs a process sees. libcuda.so.1 is the driver's own library, so this needs neither
// CUDA nor TensorFlow. It is asked in a process of its own (setup/gpu-probe.mjs): the driver reads its variables once.
// Compiled beside the GPU's binding by the set-up.
#include <dlfcn.h>
#include <node_api.h>

#include <string>
#include <vector>

namespace {

struct Answer {
  bool library = false;
  std::string error;
  int version = 0;
  std::vector<std::string> devices;
};

// Of the driver's functions, by name; null where a driver is too old to have it.
template <typename Function>
Function *Find(void *library, const char *name) {
  return reinterpret_cast<Function *>(dlsym(library, name));
}

std::string ErrorName(void *library, int code) {
  auto *name_of = Find<int(int, const char **)>(library, "cuGetErrorName");
  const char *name = nullptr;
  if (name_of != nullptr && name_of(code, &name) == 0 && name != nullptr) return name;
  return "error " + std::to_string(code);
}

std::vector<std::string> DeviceNames(void *library, int count) {
  auto *get = Find<int(int *, int)>(library, "cuDeviceGet");
  auto *name_of = Find<int(char *, int, int)>(library, "cuDeviceGetName");
  std::vector<std::string> names;
  for (int index = 0; index < count; index += 1) {
    int device = 0;
    char name[256] = "";
    bool known = get != nullptr && name_of != nullptr && get(&device, index) == 0 &&
                 name_of(name, sizeof name, device) == 0;
    names.push_back(known ? name : "NVIDIA GPU");
  }
  return names;
}

Answer AskDriver() {
  Answer answer;
  void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return answer;
  answer.library = true;
  auto *initialise = Find<int(unsigned)>(library, "cuInit");
  auto *version = Find<int(int *)>(library, "cuDriverGetVersion");
  auto *count_of = Find<int(int *)>(library, "cuDeviceGetCount");
  if (initialise == nullptr || version == nullptr || count_of == nullptr) {
    answer.error = "libcuda.so.1 is none of NVIDIA's";
    return answer;
  }
  version(&answer.version);
  int count = 0;
  int code = initialise(0);
  if (code == 0) code = count_of(&count);
  if (code != 0) answer.error = ErrorName(library, code);
  answer.devices = DeviceNames(library, count);
  return answer;
}

napi_value Text(napi_env env, const std::string &text) {
  napi_value value;
  napi_create_string_utf8(env, text.c_str(), text.size(), &value);
  return value;
}

// ask(): { library, error, version, devices }. library: it loads; error: empty, or the driver's own name for why it
// does not serve; version: of CUDA that it can run, 12040 for 12.4; devices: their models, in CUDA's order.
napi_value Ask(napi_env env, napi_callback_info) {
  Answer answer = AskDriver();
  napi_value result, library, version, devices;
  napi_create_object(env, &result);
  napi_get_boolean(env, answer.library, &library);
  napi_create_int32(env, answer.version, &version);
  napi_create_array(env, &devices);
  for (size_t index = 0; index < answer.devices.size(); index += 1)
    napi_set_element(env, devices, index, Text(env, answer.devices[index]));
  napi_set_named_property(env, result, "library", library);
  napi_set_named_property(env, result, "error", Text(env, answer.error));
  napi_set_named_property(env, result, "version", version);
  napi_set_named_property(env, result, "devices", devices);
  return result;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value ask;
  napi_create_function(env, "ask", NAPI_AUTO_LENGTH, Ask, nullptr, &ask);
  napi_set_named_property(env, exports, "ask", ask);
  return exports;
}
