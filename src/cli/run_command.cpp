// `gannet run`: one answer to a prompt, or a conversation at the terminal. The answer goes to stdout and
// nothing else.
#include <unistd.h>

#include <memory>
#include <optional>

#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "cli/answer_flags.h"
#include "cli/chat_flags.h"
#include "cli/chat_loop.h"
#include "cli/chat_session.h"
#include "cli/command.h"
#include "cli/decoding.h"
#include "cli/interrupt.h"
#include "cli/model_options.h"
#include "cli/profile.h"
#include "cli/prompt_source.h"
#include "cli/read_bandwidth.h"
#include "cli/sampling_options.h"
#include "cli/say.h"
#include "engine/vocabulary_from_gguf.h"

namespace gannet {
namespace {

struct RunOptions {
  ModelOptions model;
  SamplingOptions sampling;
  AnswerFlags ends;
  SpeculationFlags speculation;
  ChatFlags talk;
  PromptSource prompt;
  bool chat = false, single_turn = false;  // -cnv, -st
  int64_t keep = 0;
  bool profile = false;
  std::string trace, statistics;  // files; empty: none
};

Result<void> report_profile(const RunOptions& o, const Session& session) {
  const auto profiles = session.profiles();
  if (o.profile) {
    const double bandwidth = GANNET_TRY(read_bandwidth(session.options().n_threads, session.options().cpus));
    put_stderr(profile_text(profiles, bandwidth));
  }
  if (o.trace.empty()) return {};
  ProfileTrace trace;
  trace.add("run", profiles);
  return trace.write(o.trace);
}

Result<void> write_statistics(const std::string& path, const Decoder& decoder, const ChatSession& chat) {
  const Controller& controller = decoder.controller();
  nlohmann::ordered_json all = decoder.statistics().json(controller.seconds_saved(), controller.why_off());
  all["prompt_seconds"] = chat.prompt_seconds();
  all["generate_seconds"] = chat.generate_seconds();
  return write_file(path, all.dump(2) + "\n");
}

// A session for one that is lost with its device: on the same device, opened again, else on the CPU.
Result<Decoding> decoding_again(const RunOptions& o, const std::shared_ptr<const Model>& model,
                                const Vocabulary& vocabulary) {
  say("opening the device again, with the model; what was said is read again with the next message");
  auto made = make_decoding(model, o.model, o.speculation, vocabulary);
  if (made.ok()) return made;
  say("{}; going on with the CPU", made.error().message());
  ModelOptions on_cpu = o.model;
  on_cpu.device = "cpu";
  on_cpu.override_tensor.clear();
  return make_decoding(model, on_cpu, o.speculation, vocabulary);
}

Result<void> run_model(const RunOptions& o) {
  const std::string prompt = GANNET_TRY(read_prompt(o.prompt, !o.model.model.empty()));
  if (o.chat && isatty(STDIN_FILENO) != 1)
    return Error(ErrorCode::kUsage, "-cnv: a chat needs a terminal on stdin");
  // Before a large file is loaded.
  const ChatOptions talk = GANNET_TRY(chat_options(o.talk, o.prompt.escape));
  const SpeculationOptions speculation = GANNET_TRY(speculation_options(o.speculation));
  auto model = GANNET_TRY(load_model(o.model));
  if (!o.trace.empty()) GANNET_TRY(AtomicFile::check(o.trace));
  const Tokenizer tokenizer = GANNET_TRY(tokenizer_from_gguf(model->file()));
  if (!o.statistics.empty()) GANNET_TRY(AtomicFile::check(o.statistics));
  if (!speculation.cache_dynamic.empty())
    if (auto checked = AtomicFile::check(speculation.cache_dynamic); !checked.ok())
      return checked.take_error().with_context("-lcd");
  say_bisect(GANNET_TRY(graph_options(o.model.graph)));
  const bool profiled = o.profile || !o.trace.empty();
  std::optional<Decoding> decoding =
      GANNET_TRY(make_decoding(model, o.model, o.speculation, tokenizer.vocabulary()));
  decoding->session->set_profiling(profiled);
  std::unique_ptr<ChatSession> chat = GANNET_TRY(
      ChatSession::create(talk, o.sampling, o.ends, *decoding->session, *decoding->decoder, tokenizer));
  const auto reopen = [&]() -> Result<void> {
    chat->stop_using();
    decoding.reset();  // first: there may be no room for both
    decoding = GANNET_TRY(decoding_again(o, model, tokenizer.vocabulary()));
    decoding->session->set_profiling(profiled);
    return chat->use(*decoding->session, *decoding->decoder);
  };

  catch_interrupts();
  if (!prompt.empty()) GANNET_TRY(chat->say(prompt));
  if (prompt.empty() || o.chat) GANNET_TRY(converse(*chat, o.single_turn, reopen));
  if (o.model.verbose) say("{}", model->memory().text());
  Decoder& decoder = *decoding->decoder;
  GANNET_TRY(report_profile(o, *decoding->session));
  if (o.model.verbose) put_stderr(decoder.statistics().text() + decoder.controller().explain());
  if (!o.statistics.empty()) GANNET_TRY(write_statistics(o.statistics, decoder, *chat));
  decoding->keep_profile(o.model.verbose);
  chat.reset();
  if (auto saved = decoder.save(); !saved.ok()) return saved.take_error().with_context("-lcd");
  if (interrupted()) return Error(ErrorCode::kInterrupted, "");
  return {};
}

}  // namespace

Command run_command() {
  auto o = std::make_shared<RunOptions>();
  Command command{.name = "run", .summary = "Answer a prompt, or chat at the terminal when there is none"};
  command.notes =
      "A chat remembers its lines in ~/.local/state/gannet/history (or below $XDG_STATE_HOME); the variable\n"
      "GANNET_HISTORY names another file, and with an empty value none.\n";
  command.options = {
      {.names = "PROMPT", .help = "What to answer", .target = &o->prompt.words, .accepts_empty = true},
      {.names = "-p,--prompt", .value = "TEXT", .help = "The same as an option", .target = &o->prompt.text},
      {.names = "-f,--file",
       .value = "FILE",
       .help = "Read the prompt from this file (- for stdin)",
       .target = &o->prompt.file},
      {.names = "-e,--escape",
       .help = "Read \\n, \\t, \\\\, \\\" and \\xNN in PROMPT, -p and -sys as in C",
       .target = &o->prompt.escape},
      {.names = "-cnv,--conversation", .help = "Answer the prompt, then go on as a chat", .target = &o->chat},
      {.names = "-st,--single-turn",
       .help = "Leave after one answer",
       .target = &o->single_turn,
       .excludes = "--conversation"},
      {.names = "--keep",
       .value = "N",
       .help = "Accepted: a full context ends the answer, nothing of it is ever dropped",
       .target = &o->keep,
       .at_least = -1},
      {.names = "--profile",
       .help = "Time every step; print a table by op and kernel to stderr",
       .target = &o->profile},
      {.names = "--profile-trace",
       .value = "FILE",
       .help = "Write the steps of the last runs to this file, for trace viewers (JSON)",
       .target = &o->trace},
      {.names = "--spec-stats",
       .value = "FILE",
       .help = "Write what speculation did to this file (JSON)",
       .target = &o->statistics},
  };
  add_model_option(command.options, o->model);
  add_chat_options(command.options, o->talk);
  add_sampling_options(command.options, o->sampling);
  add_answer_options(command.options, o->ends);
  add_session_options(command.options, o->model);
  add_bisect_options(command.options, o->model.graph);
  add_speculation_options(command.options, o->speculation);
  command.action = [o] { return run_model(*o); };
  return command;
}

}  // namespace gannet
