// `gannet explain`: the plan of a model for one kind of run, and what the passes did for it.
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/model_options.h"

namespace gannet {
namespace {

struct ExplainOptions {
  ModelOptions model;
  std::string phase = "decode";
  int64_t n_tokens = 0, n_past = 0;  // 0 tokens: the phase's own number
  int layer = -1;
  bool mtp = false, gir = false;
};

Result<GraphShape> shape_for(const ExplainOptions& o) {
  GraphShape shape;
  if (o.phase == "decode")
    shape = {1, LogitRows::kLast, false};
  else if (o.phase == "prefill")
    shape = {o.model.ubatch_size, LogitRows::kLast, false};
  else if (o.phase == "verify")
    shape = {4, LogitRows::kAll, false};
  else
    return Error(ErrorCode::kUsage,
                 fmt::format("--phase {}: there is no such phase (decode, prefill, verify are)", o.phase));
  if (o.n_tokens > 0) shape.n_tokens = o.n_tokens;
  return shape;
}

Result<void> run_explain(const ExplainOptions& o) {
  const GraphShape shape = GANNET_TRY(shape_for(o));
  const SessionOptions options = GANNET_TRY(session_options(o.model));
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
    fmt::print("{}", print_graph(made.graph));
    return {};
  }
  auto session = GANNET_TRY(Session::create(model, options));
  const MadePlan* made = GANNET_TRY(session->plan(request));
  const PlanReport& report = made->report;
  for (const PassReport& pass : report.passes) fmt::print("{}\n", pass_report_line(pass));
  fmt::print("graph: {} nodes, compiled: {} nodes{}\n", report.declared_nodes, report.compiled_nodes,
             report.n_kv != 0 ? ", for a fixed number of KV rows" : "");
  fmt::print("times: building the graph {:.2f} ms, compiling {:.2f} ms, planning {:.2f} ms\n",
             report.build_ms, report.compile_ms, report.plan_ms);
  fmt::print("memory: {}\n", model->memory().text());
  fmt::print("{}", made->plan.explain(o.layer));
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    return Error(ErrorCode::kOutput, "stdout cannot be written");
  return {};
}

}  // namespace

void add_explain_command(CLI::App& app, Action& action) {
  auto o = std::make_shared<ExplainOptions>();
  CLI::App* sub = app.add_subcommand("explain", "Show the steps that run a model, and what the passes did");
  add_model_option(*sub, o->model);
  sub->add_option(
         "--phase", o->phase,
         "decode (1 token), prefill (-ub tokens, logits of the last) or verify (4 tokens, logits of all)")
      ->capture_default_str();
  sub->add_option("--tokens", o->n_tokens, "Tokens of the run, instead of the phase's number")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
  sub->add_option("--n-past", o->n_past, "Tokens in the context before the run")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 30));
  sub->add_option("--layer", o->layer, "Show only the steps of this layer")->check(CLI::NonNegativeNumber);
  sub->add_flag("--mtp", o->mtp, "The MTP block instead of the trunk");
  sub->add_flag("--gir", o->gir, "Print the compiled graph in text form instead");
  add_session_options(*sub, o->model);
  add_bisect_options(*sub, o->model.graph);
  sub->callback([o, &action] { action = [o] { return run_explain(*o); }; });
}

}  // namespace gannet
