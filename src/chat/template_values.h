// Conversations as values of templates. What clients wrote is foreign; the names of fields and roles are
// ours: templates make control tokens of them, as in '<|' + message.role + '|>'.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "base/result.h"
#include "chat/message.h"
#include "jinja/value.h"

namespace gannet {

// Errors (kUsage): what is nested too deep.
Result<jinja::Value> foreign_value(const nlohmann::ordered_json& json);
Result<jinja::Value> template_messages(const std::vector<Message>& messages, bool string_arguments);
Result<jinja::Value> template_tools(const std::vector<Tool>& tools);  // none, when there are none

}  // namespace gannet
