// Options that every command with a model takes, and the way from them to a model and a session.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/graph_options.h"
#include "cli/options.h"
#include "engine/session.h"

namespace gannet {

struct ModelOptions {
  std::string model;  // empty: the embedded pocket model
  bool check_tensors = false;
  std::string load_mode = "auto";
  bool no_mmap = false, lock = false;  // older spellings
  bool verbose = false;
  bool exact = false;
  int64_t ctx_size = 0;
  std::optional<int> ubatch_size;
  int64_t batch_size = 0;  // caps ubatch_size; 0: does not
  int threads = 0;
  int threads_batch = 0;
  std::string cpu_mask;
  std::string cache_type_k = "f16", cache_type_v = "f16";
  std::string isa;                   // empty: the best of the machine
  std::vector<std::string> kernels;  // OP=KERNEL
  std::string prompt_kernels = "auto";
  GraphFlags graph;
  std::string device = "auto";
  std::string flash_attention = "auto", gpu_layers = "auto", main_gpu = "0";
  bool cpu_moe = false;
  std::optional<int> n_cpu_moe;
  std::vector<std::string> override_tensor;
  std::string fit = "on";
  int64_t fit_target = 1024;  // MiB
  bool backend_sampling = true;
};

void add_model_option(Options& options, ModelOptions& model);  // -m, how it is loaded, what GPUs would do
void add_gpu_options(Options& options, ModelOptions& model);   // of those: what GPUs would do
void add_session_options(Options& options,
                         ModelOptions& model);  // threads, context, cache types, kernels, graph
void add_kernel_options(Options& options,
                        ModelOptions& model);  // of those: processors, instruction set, kernels

// Loads the model with a progress bar on stderr, and says there what could not be done as asked for. Errors:
// kUsage naming a flag, those of Model::load().
Result<std::shared_ptr<const Model>> load_model(const ModelOptions& options);

// A session with these options; what the user should know about them goes to stderr. Errors: of
// Session::create().
Result<std::unique_ptr<Session>> create_session(std::shared_ptr<const Model> model, SessionOptions options);

// The session options these flags mean. Errors: kUsage naming the flag.
Result<SessionOptions> session_options(const ModelOptions& options);

// What -ngl N means: a number, or more than there are for "all". Errors: kUsage naming the flag.
Result<int64_t> layers_on_device(const char* flag, const std::string& text);

Result<DType> cache_type(const std::string& flag, const std::string& name);

// The pocket model inside the program, and how messages call it.
std::span<const std::byte> pocket_model();
inline constexpr const char* kPocketModelName = "pocket model (embedded)";
// The file by its name alone, no model made of it; empty: the pocket model.
Result<GgufFile> open_model_file(const std::string& path);

}  // namespace gannet
