// Finds out what a chat template can do. Part of ChatTemplate; not for others.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "chat/chat_template.h"

namespace gannet {

class TemplateProbe {
 public:
  explicit TemplateProbe(ChatTemplate* chat) : chat_(chat), facts_(&chat->facts_) {}

  // Fills in the facts. Error (kModelFile) if the template cannot render the message of a user.
  Result<void> run();

 private:
  using Switch = std::pair<std::string, bool>;
  // The text, or nothing if the template refuses.
  std::optional<std::string> text(const std::vector<Message>& messages, const std::vector<Tool>& tools = {},
                                  bool generation_prompt = false,
                                  const std::vector<Switch>& switches = {}) const;
  // What the generation prompt adds.
  std::string answer_opening(const std::vector<Switch>& switches = {}) const;
  void find_roles();
  void find_calls();
  void find_thoughts();
  bool shows_old_thought(const std::vector<Switch>& switches) const;

  ChatTemplate* chat_;
  TemplateFacts* facts_;
};

}  // namespace gannet
