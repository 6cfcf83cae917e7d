// libFuzzer target: a conversation in JSON, read, written by a template and marked. Whatever it is: no crash,
// what the reader takes it takes again when written, and no control token of a prompt stands on foreign
// bytes.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "chat/chat_template.h"
#include "chat/reader.h"
#include "chat/templates_for_test.h"

namespace gannet {
namespace {

const ChatTemplate& chat(bool tagged) {
  static const ChatTemplate with_tags = ChatTemplate::make(kTaggedTemplate, {}).take();
  static const ChatTemplate with_json = ChatTemplate::make(kHermesTemplate, {}).take();
  return tagged ? with_tags : with_json;
}

}  // namespace
}  // namespace gannet

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gannet;
  if (size < 1) return 0;
  const auto json = read_json(std::string_view(reinterpret_cast<const char*>(data) + 1, size - 1), "input");
  if (!json.ok()) return 0;
  const auto conversation = read_conversation(*json);
  if (!conversation.ok()) return 0;
  nlohmann::ordered_json again = nlohmann::ordered_json::array();
  for (const Message& message : conversation->messages) {
    again.push_back(message_json(message));
    if (message.role == Role::kUser || message.role == Role::kTool) again.back()["content"] = message.content;
  }
  const auto read_again = read_messages(again);
  GANNET_CHECK(read_again.ok(), read_again.ok() ? "" : read_again.error().message().c_str());
  GANNET_CHECK(*read_again == conversation->messages, "another conversation");
  const auto prompt = chat(data[0] & 1).render(*conversation);
  if (!prompt.ok()) return 0;
  size_t starts = 0;
  for (size_t at = 0; (at = prompt->text.text.find("<|im_start|>", at)) != std::string::npos; ++at) {
    bool foreign = false;
    for (const TextRange& range : prompt->text.foreign) foreign |= range.begin < at + 12 && at < range.end;
    starts += !foreign;
  }
  // One per message at most, but for tools in a system message of their own, and the answer's.
  GANNET_CHECK(starts <= conversation->messages.size() + 2, "a message made a control token");
  return 0;
}
