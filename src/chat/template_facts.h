// What a chat template can do, as found by rendering small conversations with it.
#pragma once

#include <string>

#include "chat/message.h"

namespace gannet {

struct TemplateFacts {
  bool tools = false;  // it shows declared tools to the model
  CallFormat calls = CallFormat::kNone;

  bool thoughts = false;           // the model writes thoughts between <think> and </think>
  bool opens_thought = false;      // the prompt of an answer ends inside a thought, unless told otherwise
  std::string thinking_switch;     // the variable that turns thoughts on and off; empty: there is none
  bool thinks_by_default = false;  // without the switch set
  bool keeps_thoughts = false;     // thoughts of earlier turns stay in the prompt
  bool can_keep_thoughts = false;  // preserve_thinking makes it so

  // What ChatTemplate changes because the template does not take it:
  bool system_into_user = false;   // the system text goes in front of the first user message
  bool merges_users = false;       // user messages in a row become one, an empty line between them
  bool results_into_user = false;  // tool results are user messages: <tool_response>\n...\n</tool_response>
  bool string_arguments = false;   // arguments of calls are handed over as text, not as objects

  // "thoughts: opened by the prompt, switch enable_thinking; calls: tagged; ...": one line for people.
  std::string describe() const;
};

}  // namespace gannet
