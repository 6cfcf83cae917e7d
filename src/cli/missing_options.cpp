// Options of other programs that this one does not have yet. Each is refused by its name: were one ignored,
// the answer would silently be another than the one asked for.
#include <algorithm>

#include "cli/options.h"

namespace gannet {
namespace {

constexpr const char* kHub = "models are not downloaded yet; download the file and give it with -m";
constexpr const char* kGpu = "a model runs on one device and the CPU; --device names it";
constexpr const char* kServer = "only gannet serve has it";
constexpr const char* kNotServed = "the server does not have it yet";
constexpr const char* kRequest = "gannet run has it; clients of gannet serve say it in their requests";
constexpr const char* kMedia = "only text is read";
constexpr const char* kThreads = "not built; -C and -t place threads";
constexpr const char* kDraftThreads = "not built; -Cd and -td place the threads of a draft model";
constexpr const char* kLogs = "only gannet serve has a log; messages go to stderr, -v says more";
constexpr const char* kCache = "gannet serve remembers what was read by itself, and with --cache-dir on disk";
constexpr const char* kAdapter = "adapters are not built";
constexpr const char* kRope = "the values of the model file are used";

constexpr MissingOption kMissing[] = {
    {"-hf,-hfr,--hf-repo,-hff,--hf-file,-hft,--hf-token,-mu,--model-url,-dr,--docker-repo,--offline", kHub},
    {"-hfv,-hffv,--hf-repo-v", kHub},
    {"-hfd,-hfrd,--hf-repo-draft,--spec-draft-hf",
     "models are not downloaded yet; download the file and give it with -md"},
    {"-sm,--split-mode,-ts,--tensor-split,--rpc", kGpu},
    {"-nkvo,--no-kv-offload,-kvo,--kv-offload,--no-op-offload,-nopo,--op-offload",
     "ops run where their weights are, and keep their state there; -ngl and -ot say where that is"},
    {"-fitc,--fit-ctx,-fitp", "the context is as long as -c says; -fit chooses what lies on the device"},
    {"--numa,-Cr,--cpu-range,--cpu-strict,--prio,--poll,-Cb,--cpu-mask-batch,-Crb,--prio-batch,--poll-batch",
     kThreads},
    {"--override-kv,--rope-scaling,--rope-scale,--rope-freq-base,--rope-freq-scale", kRope},
    {"--yarn-orig-ctx,--yarn-ext-factor,--yarn-attn-factor,--yarn-beta-slow,--yarn-beta-fast", kRope},
    {"-np,--parallel,--host,--port,--api-prefix,--api-key,--api-key-file,--ssl-key-file,--ssl-cert-file",
     kServer},
    {"--cors-origins,-a,--alias", kServer},
    {"-ns,--sequences", kNotServed},
    {"-cb,--cont-batching,-nocb,-kvu,--kv-unified,-no-kvu",
     "not needed: answers share steps, and each its part of the cache"},
    {"-ctxcp,--ctx-checkpoints,-cms,-cram,--cache-ram,--cache-prompt,--cache-reuse,-sps,--slot-save-path,--"
     "cache-"
     "dir",
     kCache},
    {"--prompt-cache,--prompt-cache-all,--prompt-cache-ro,--no-cache-prompt,-cl,--cache-list", kCache},
    {"--context-shift,--no-context-shift,--swa-full,--defrag-thold,-dt",
     "the context is never shifted; a full one ends the answer"},
    {"-devd,--device-draft,--spec-draft-device,-otd,--override-tensor-draft,--spec-draft-override-tensor",
     kGpu},
    {"-cmoed,--cpu-moe-draft,--spec-draft-cpu-moe,-ncmoed,--n-cpu-moe-draft,--spec-draft-n-cpu-moe,--spec-"
     "draft-"
     "ncmoe",
     kGpu},
    {"-Crd,--cpu-range-draft,--spec-draft-cpu-range,--cpu-strict-draft,--spec-draft-cpu-strict,--prio-draft,-"
     "-"
     "spec-draft-prio,--poll-draft,--spec-draft-poll",
     kDraftThreads},
    {"-Cbd,--cpu-mask-batch-draft,--spec-draft-cpu-mask-batch,-Crbd,--cpu-range-batch-draft,--spec-draft-cpu-"
     "range-batch,--cpu-strict-batch-draft,--spec-draft-cpu-strict-batch",
     kDraftThreads},
    {"--prio-batch-draft,--spec-draft-prio-batch,--poll-batch-draft,--spec-draft-poll-batch", kDraftThreads},
    {"--spec-autotune", "not needed: --spec auto measures and chooses while it runs"},
    {"--spec-ckpt-mode", "not needed: nothing is copied to go back behind a wrong draft"},
    {"--spec-replace", "a draft model must have the vocabulary of the model"},
    {"--spec,--spec-type,--spec-default,-md,--model-draft,--spec-draft-model,--spec-draft-n-max,--draft-max",
     "only gannet run, gannet serve and gannet bench draft"},
    {"-j,--json-schema,-jf,--json-schema-file,--grammar,--grammar-file,--tools,--tool-choice", kRequest},
    {"--stop,--repetition-stop,--reasoning-budget,--reasoning-budget-message", kRequest},
    {"-mm,--mmproj,-mmu,--mmproj-url,--no-mmproj,--mmproj-auto,--image,--audio,--video,--image-min-tokens",
     kMedia},
    {"--jinja,--no-jinja,--chat-template,--chat-template-file,--chat-template-kwargs", kRequest},
    {"-rea,--reasoning,--reasoning-format,--reasoning-preserve,-sys,-sysf,--system-prompt-file", kRequest},
    {"--skip-chat-parsing", "--reasoning-format none leaves thoughts in the answer"},
    {"--reasoning-effort",
     "--reasoning-budget limits thoughts; --chat-template-kwargs sets variables of the template"},
    {"--prefill-assistant,--no-prefill-assistant", "gannet run does not continue messages of the assistant"},
    {"--reuse-port,-to,--timeout,--threads-http,--sse-ping-interval,--slots,--no-slots,--metrics,--props",
     kServer},
    {"--ui,--webui,--no-webui,--no-ui,--tags,--models-dir,--models-preset,--models-max", kServer},
    {"--path,--cors-methods,--cors-headers,--cors-credentials,--server-base", kNotServed},
    {"--embedding,--embeddings,--reranking,--rerank,--pooling,--embd-normalize,-embd", kNotServed},
    {"-lv,--verbosity,--log-verbosity,--log-file,--log-jsonl,--log-colors,--log-prefix,--log-timestamps",
     kLogs},
    {"--log-disable", "not needed: nothing is logged unless it is asked for"},
    {"--lora,--lora-scaled,--control-vector,--control-vector-scaled,--control-vector-layer-range", kAdapter},
    {"-mli,--multiline-input",
     "not needed: a pasted text is one message, and \"\"\" begins one of several lines"},
    {"-r,--reverse-prompt,--in-prefix,--in-suffix,-i,--interactive,-if,--interactive-first",
     "conversations are kept by the chat format; see --raw and -cnv"},
    {"-dio,--direct-io,--no-direct-io", "not built; see --load-mode"},
    {"--no-repack,-nr,--repack", "weights are never repacked"},
    {"--co,--color,-co,--simple-io,--no-display-prompt,--display-prompt,-sp,--special,--verbose-prompt",
     "not needed: stdout holds the answer and nothing else"},
    {"--no-warmup,--warmup,-gan,-gaw,--grp-attn-n,--grp-attn-w,--no-perf,--perf,--show-timings", "not built"},
};

}  // namespace

const MissingOption* find_missing_option(std::string_view name) {
  for (const MissingOption& missing : kMissing) {
    std::string_view rest = missing.names;
    while (!rest.empty()) {
      const size_t comma = std::min(rest.find(','), rest.size());
      if (rest.substr(0, comma) == name) return &missing;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return nullptr;
}

}  // namespace gannet
