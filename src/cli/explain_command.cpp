// `gannet explain`: the plan of a model for one kind of run, and what the passes did for it.
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/model_options.h"
#include "cli/say.h"

namespace gannet {
namespace {

struct ExplainOptions {
  ModelOptions model;
  std::string phase = "decode";
  int64_t n_tokens = 0, n_past = 0;  // 0 tokens: the phase's own number
  int layer = -1;
  bool mtp = false, gir = false;
};

GraphShape shape_for(const ExplainOptions& o) {
  GraphShape shape;
  if (o.phase == "decode")
    shape = {1, LogitRows::kLast, false};
  else if (o.phase == "prefill")
    shape = {o.model.ubatch_size.value_or(kDefaultUbatch), LogitRows::kLast, false};
  else  // verify
    shape = {4, LogitRows::kAll, false};
  if (o.n_tokens > 0) shape.n_tokens = o.n_tokens;
  return shape;
}

Result<void> run_explain(const ExplainOptions& o) {
  const GraphShape shape = shape_for(o);
  SessionOptions options = GANNET_TRY(session_options(o.model));
  options.mtp = o.mtp;
  say_bisect(options.graph);
  auto model = GANNET_TRY(load_model(o.model));
  const Hyperparameters& hp = model->hyperparameters();
  if (o.mtp && hp.n_mtp == 0)
    return Error(ErrorCode::kUsage,
                 fmt::format("{}: has no MTP block; leave out --mtp", model->file().path()));
  if (o.layer >= static_cast<int64_t>(hp.n_blocks))
    return Error(ErrorCode::kUsage,
                 fmt::format("--layer {}: the layers are 0 to {}", o.layer, hp.n_blocks - 1));

  const PlanRequest request{shape, o.mtp, o.n_past};
  if (o.gir) {
    const MadeGraph made = GANNET_TRY(make_graph(*model, request, options.graph));
    return put_stdout(print_graph(made.graph));
  }
  auto session = GANNET_TRY(create_session(model, options));
  const MadePlan* made = GANNET_TRY(session->plan(request));
  const PlanReport& report = made->report;
  for (const PassReport& pass : report.passes) GANNET_TRY(print("{}\n", pass_report_line(pass)));
  GANNET_TRY(print("graph: {} nodes, compiled: {} nodes{}\n", report.declared_nodes, report.compiled_nodes,
                   report.n_kv != 0 ? ", for a fixed number of KV rows" : ""));
  GANNET_TRY(print("times: building the graph {:.2f} ms, compiling {:.2f} ms, planning {:.2f} ms\n",
                   report.build_ms, report.compile_ms, report.plan_ms));
  GANNET_TRY(print("memory: {}\n", model->memory().text()));
  return put_stdout(made->plan.explain(o.layer));
}

}  // namespace

Command explain_command() {
  auto o = std::make_shared<ExplainOptions>();
  Command command{.name = "explain", .summary = "Show the steps that run a model, and what the passes did"};
  add_model_option(command.options, o->model);
  const Options own = {
      {.names = "--phase",
       .value = "PHASE",
       .help = "Of 1 token; of -ub tokens, logits of the last; or of 4 tokens, logits of all",
       .target = &o->phase,
       .choices = {"decode", "prefill", "verify"}},
      {.names = "--tokens",
       .value = "N",
       .help = "Tokens of the run, instead of the phase's number",
       .target = &o->n_tokens,
       .at_least = 1,
       .at_most = kMostUbatch},
      {.names = "--n-past",
       .value = "N",
       .help = "Tokens in the context before the run",
       .target = &o->n_past,
       .at_least = 0,
       .at_most = 1 << 30},
      {.names = "--layer",
       .value = "N",
       .help = "Show only the steps of this layer",
       .target = &o->layer,
       .at_least = 0,
       .shown_default = "all"},
      {.names = "--mtp", .help = "The MTP block instead of the trunk", .target = &o->mtp},
      {.names = "--gir", .help = "Print the compiled graph in text form instead", .target = &o->gir},
  };
  command.options.insert(command.options.end(), own.begin(), own.end());
  add_session_options(command.options, o->model);
  add_bisect_options(command.options, o->model.graph);
  command.action = [o] { return run_explain(*o); };
  return command;
}

}  // namespace gannet
