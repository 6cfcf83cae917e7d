// `gannet logits`: the model's raw output for given tokens, for comparison with other implementations.
#include <algorithm>
#include <charconv>
#include <numeric>

#include <fmt/format.h>

#include "base/atomic_file.h"
#include "base/npy.h"
#include "base/read_input.h"
#include "cli/command.h"
#include "cli/input_text.h"
#include "cli/model_options.h"
#include "cli/progress.h"

namespace gannet {
namespace {

struct LogitsOptions {
  ModelOptions model;
  std::string tokens, out;
  bool mtp = false;
};

Result<std::vector<int32_t>> read_tokens(const std::string& path) {
  const std::string text = GANNET_TRY(read_text(path));
  const std::string name = input_name(path);
  const char* at = text.data();
  const char* end = at + text.size();
  std::vector<int32_t> tokens;
  while (true) {
    while (at != end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) ++at;
    if (at == end) break;
    int32_t id;
    const auto [next, code] = std::from_chars(at, end, id);
    if (code != std::errc())
      return Error(ErrorCode::kUsage,
                   fmt::format("{}: token {} is no integer; token ids separated by white space are expected",
                               name, tokens.size()));
    tokens.push_back(id);
    at = next;
  }
  if (tokens.empty()) return Error(ErrorCode::kUsage, fmt::format("{}: holds no token ids", name));
  return tokens;
}

// What the model file alone can tell: whether it can do what is asked for with these tokens. So nothing is
// loaded, and nothing computed, for a list whose last token is wrong.
Result<void> check_tokens(const LogitsOptions& o, std::span<const int32_t> tokens) {
  const GgufFile file = GANNET_TRY(open_model_file(o.model.model));
  const Hyperparameters hp = GANNET_TRY(read_hyperparameters(file));
  const std::string name = input_name(o.tokens);
  for (size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i] < 0 || static_cast<uint32_t>(tokens[i]) >= hp.n_vocab)
      return Error(ErrorCode::kRuntime,
                   fmt::format("{}: token {} is {}, outside the model's vocabulary of {}", name, i, tokens[i],
                               hp.n_vocab));
  if (o.mtp && hp.n_mtp == 0)
    return Error(ErrorCode::kUsage, fmt::format("{}: has no MTP block; leave out --mtp", file.path()));
  if (o.mtp && tokens.size() < 2)
    return Error(ErrorCode::kUsage, fmt::format("{}: --mtp needs at least two tokens", name));
  // The last token has no row of its own in the MTP block: it only tells what should have come.
  const auto rows = static_cast<int64_t>(tokens.size()) - (o.mtp ? 1 : 0);
  const int64_t n_ctx = o.model.ctx_size > 0 ? o.model.ctx_size : hp.context_length;
  if (rows > n_ctx)
    return Error(ErrorCode::kRuntime,
                 fmt::format("{}: {} tokens are {} too many, the context holds {}{}", name, tokens.size(),
                             rows - n_ctx, n_ctx,
                             o.model.ctx_size > 0 ? "; use a larger --ctx-size" : "; -c sets a larger one"));
  return {};
}

// Logits of the MTP block: row i pairs the trunk's normed row of token i with token i + 1.
Result<void> write_mtp(Session& session, std::span<const int32_t> tokens, const std::string& out) {
  const auto n = static_cast<int64_t>(tokens.size()) - 1;
  auto writer = GANNET_TRY(NpyWriter::create(out, n, session.model().hyperparameters().n_vocab));
  SequenceState sequence = session.new_sequence();
  for (int64_t at = 0; at < n; at += session.options().n_ubatch) {
    const int64_t count = std::min(session.options().n_ubatch, n - at);
    const auto first = static_cast<size_t>(at), length = static_cast<size_t>(count);
    StepPiece piece{&sequence, tokens.subspan(first, length), LogitRows::kNone, true, {}};
    const StepResult read = GANNET_TRY(session.step(StatePart::kTrunk, {&piece, 1}, true));
    sequence.commit(StatePart::kTrunk, count);
    std::vector<int32_t> hidden(length);
    std::iota(hidden.begin(), hidden.end(), read.hidden);
    piece = {&sequence, tokens.subspan(first + 1, length), LogitRows::kAll, true, hidden};
    const StepResult next = GANNET_TRY(session.step(StatePart::kMtp, {&piece, 1}));
    sequence.commit(StatePart::kMtp, count);
    GANNET_TRY(writer.append(next.logits.f32(0), count));
  }
  return writer.finish();
}

Result<void> write_trunk(Session& session, std::span<const int32_t> tokens, const std::string& out) {
  const auto n = static_cast<int64_t>(tokens.size());
  auto writer = GANNET_TRY(NpyWriter::create(out, n, session.model().hyperparameters().n_vocab));
  SequenceState sequence = session.new_sequence();
  ProgressBar bar("logits");
  for (int64_t at = 0; at < n; at += session.options().n_ubatch) {
    const auto count = static_cast<size_t>(std::min(session.options().n_ubatch, n - at));
    const ForwardRows rows = GANNET_TRY(
        session.forward(sequence, tokens.subspan(static_cast<size_t>(at), count), LogitRows::kAll));
    GANNET_TRY(writer.append(rows.logits.f32(0), static_cast<int64_t>(count)));
    bar.update(static_cast<double>(at) / static_cast<double>(n));
  }
  return writer.finish();
}

Result<void> run_logits(const LogitsOptions& o) {
  const std::vector<int32_t> tokens = GANNET_TRY(read_tokens(o.tokens));
  GANNET_TRY(check_tokens(o, tokens));
  auto model = GANNET_TRY(load_model(o.model));
  GANNET_TRY(AtomicFile::check(o.out));
  SessionOptions options = GANNET_TRY(session_options(o.model));
  options.mtp = o.mtp;
  say_bisect(options.graph);
  auto session = GANNET_TRY(create_session(model, options));
  return o.mtp ? write_mtp(*session, tokens, o.out) : write_trunk(*session, tokens, o.out);
}

}  // namespace

Command logits_command() {
  auto o = std::make_shared<LogitsOptions>();
  o->model.cache_type_k = o->model.cache_type_v = "f32";  // a measuring tool: no rounding unless asked for
  Command command{.name = "logits",
                  .summary = "Write the float32 logits of every position of a token list (.npy)"};
  add_model_option(command.options, o->model);
  const Options own = {
      {.names = "--tokens",
       .value = "FILE",
       .help = "Token ids separated by white space (- for stdin)",
       .target = &o->tokens,
       .required = true},
      {.names = "--out",
       .value = "FILE",
       .help = "Output file (- for stdout), a float32 matrix [positions, vocabulary]",
       .target = &o->out,
       .required = true},
      {.names = "--mtp",
       .help = "Logits of the MTP block: row i from the trunk row of token i and token i + 1",
       .target = &o->mtp},
  };
  command.options.insert(command.options.end(), own.begin(), own.end());
  add_session_options(command.options, o->model);
  add_bisect_options(command.options, o->model.graph);
  command.action = [o] { return run_logits(*o); };
  return command;
}

}  // namespace gannet
