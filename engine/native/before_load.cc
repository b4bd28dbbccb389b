// What has to happen in the process before TensorFlow is loaded and JavaScript can't do: setting the real
// environment from any thread (process.env of a worker thread is a copy that C code never sees), agreeing on one
// configuration per process, and keeping TensorFlow's greeting, which no variable turns off, out of the terminal.
// Compiled beside the binding by the set-up; used by load-tensorflow.ts only.
#include <node_api.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>

namespace {

std::mutex guard;
std::string agreed;
FILE *kept = nullptr;
FILE *nowhere = nullptr;
int quiet = 0;

std::string Text(napi_env env, napi_value value) {
  size_t length = 0;
  napi_get_value_string_utf8(env, value, nullptr, 0, &length);
  std::string text(length, '\0');
  napi_get_value_string_utf8(env, value, &text[0], length + 1, &length);
  return text;
}

// agree(configuration): the first caller's configuration in this process, ours if we are the first.
napi_value Agree(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  std::lock_guard<std::mutex> lock(guard);
  if (agreed.empty()) agreed = Text(env, argument);
  napi_value first;
  napi_create_string_utf8(env, agreed.c_str(), agreed.size(), &first);
  return first;
}

// setEnvironment(name, value): in the process, whatever thread calls.
napi_value SetEnvironment(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  setenv(Text(env, arguments[0]).c_str(), Text(env, arguments[1]).c_str(), 1);
  return nullptr;
}

// unsetEnvironment(name): in the process, whatever thread calls. An empty value would not do: TensorFlow refuses some.
napi_value UnsetEnvironment(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  unsetenv(Text(env, argument).c_str());
  return nullptr;
}

// hush(true) sends what C code prints to standard error nowhere, and hush(false) puts it back once for each: several
// threads load at the same time. `nowhere` stays open, since a thread may hold it. Node writes to the descriptor itself
// and is not touched.
napi_value Hush(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  bool on = false;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  napi_get_value_bool(env, argument, &on);
  std::lock_guard<std::mutex> lock(guard);
  if (on && nowhere == nullptr) nowhere = fopen("/dev/null", "w");
  if (nowhere == nullptr) return nullptr;
  if (on && quiet++ == 0) {
    kept = stderr;
    stderr = nowhere;
  } else if (!on && quiet > 0 && --quiet == 0) {
    stderr = kept;
  }
  return nullptr;
}

void Export(napi_env env, napi_value exports, const char *name, napi_callback function) {
  napi_value value;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &value);
  napi_set_named_property(env, exports, name, value);
}

}  // namespace

NAPI_MODULE_INIT() {
  Export(env, exports, "agree", Agree);
  Export(env, exports, "setEnvironment", SetEnvironment);
  Export(env, exports, "unsetEnvironment", UnsetEnvironment);
  Export(env, exports, "hush", Hush);
  return exports;
}
