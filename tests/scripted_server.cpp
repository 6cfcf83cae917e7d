// `gannet serve` with answers from a script (answer_script.h): for tests of clients, never installed. It
// takes the options of `gannet serve` and --script FILE.
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "answer_script.h"
#include "chat/reader.h"
#include "chat/templates_for_test.h"
#include "cli/input_text.h"
#include "cli/parse.h"
#include "cli/say.h"
#include "serve/model_service.h"

namespace gannet {
namespace {

Result<void> run(std::vector<std::string> arguments) {
  const auto file = std::make_shared<std::string>();
  const auto use_script = [file](ModelServiceOptions& options) -> Result<void> {
    const std::string text = GANNET_TRY(read_text(*file));
    const nlohmann::ordered_json json = GANNET_TRY(read_json(text, *file));
    auto rules = std::make_shared<const AnswerRules>(GANNET_TRY(AnswerRules::read(json)));
    options.script = [rules](const GenerationRequest& request, bool in_thought) {
      return rules->answer(request, in_thought);
    };
    if (options.chat_template == "tagged") options.chat_template = kTaggedTemplate;
    if (options.chat_template == "hermes") options.chat_template = kHermesTemplate;
    return {};
  };
  Command program{.name = "gannet_scripted_server", .commands = {serve_command(use_script)}};
  program.commands[0].options.push_back(
      {.names = "--script", .value = "FILE", .help = "The rules", .target = file.get(), .required = true});
  arguments.insert(arguments.begin(), "serve");
  const Parsed parsed = GANNET_TRY(parse_arguments(program, arguments));
  if (parsed.what != Parsed::What::kAction) return Error(ErrorCode::kUsage, "it takes options of serve only");
  return parsed.path.back()->action();
}

}  // namespace
}  // namespace gannet

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto done = gannet::run({argv + 1, argv + argc});
  if (done.ok()) return 0;
  gannet::say("error: {}", done.error().message());
  return static_cast<int>(done.error().code());
}
