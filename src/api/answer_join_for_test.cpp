#include "api/answer_join_for_test.h"

#include <gtest/gtest.h>

#include <map>

#include "api/sse.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

bool has_names(Dialect dialect) {
  return dialect == Dialect::kResponses || dialect == Dialect::kMessages;
}
bool is_ollama(Dialect dialect) {
  return dialect == Dialect::kOllamaChat || dialect == Dialect::kOllamaGenerate;
}
bool has_done(Dialect dialect) {
  return dialect == Dialect::kChat || dialect == Dialect::kCompletion;
}

void append(Json* to, const Json& more) {
  if (to->is_null()) *to = "";
  *to = to->get<std::string>() + more.get<std::string>();
}

void extend(Json* to, const Json& more) {
  if (to->is_null()) *to = Json::array();
  for (auto& one : more) to->push_back(one);
}

Json join_chat(const std::vector<StreamEvent>& events) {
  Json whole;
  std::map<int, Json> choices;
  for (const auto& [name, data] : events) {
    EXPECT_EQ(data["object"], "chat.completion.chunk");
    if (whole.is_null()) {
      whole = {{"id", data["id"]}, {"created", data["created"]}, {"model", data["model"]}};
    }
    EXPECT_EQ(data["id"], whole["id"]);
    for (const char* key : {"usage", "timings"})
      if (data.contains(key)) whole[key] = data[key];
    for (const Json& one : data["choices"]) {
      Json& choice = choices[one["index"].get<int>()];
      if (choice.is_null()) {
        EXPECT_EQ(one["delta"]["role"], "assistant") << "the first chunk of a choice";
        choice = {{"index", one["index"]}, {"message", {{"role", "assistant"}, {"content", ""}}}};
      }
      EXPECT_FALSE(choice.contains("finish_reason")) << "a chunk behind the end";
      Json& message = choice["message"];
      const Json& delta = one["delta"];
      for (const char* key : {"content", "reasoning_content"})
        if (delta.contains(key)) append(&message[key], delta[key]);
      for (const Json& call : delta.value("tool_calls", Json::array())) {
        const size_t index = call["index"].get<size_t>();
        Json& calls = message["tool_calls"];
        if (index == calls.size()) {
          calls.push_back({{"id", call["id"]}, {"type", call["type"]}, {"function", call["function"]}});
        } else {
          append(&calls.at(index)["function"]["arguments"], call["function"]["arguments"]);
        }
      }
      if (one.contains("logprobs")) extend(&choice["logprobs"]["content"], one["logprobs"]["content"]);
      if (!one["finish_reason"].is_null()) {
        choice["finish_reason"] = one["finish_reason"];
        if (one.contains("finish_detail")) choice["finish_detail"] = one["finish_detail"];
      }
    }
  }
  for (auto& [index, choice] : choices) {
    Json& message = choice["message"];
    if (message.contains("tool_calls") && message["content"] == "") message["content"] = nullptr;
    whole["choices"].push_back(choice);
  }
  return whole;
}

Json join_completion(const std::vector<StreamEvent>& events) {
  Json whole;
  std::map<int, Json> choices;
  for (const auto& [name, data] : events) {
    EXPECT_EQ(data["object"], "text_completion");
    if (whole.is_null()) whole = {{"id", data["id"]}, {"created", data["created"]}, {"model", data["model"]}};
    for (const char* key : {"usage", "timings"})
      if (data.contains(key)) whole[key] = data[key];
    for (const Json& one : data["choices"]) {
      Json& choice = choices[one["index"].get<int>()];
      if (choice.is_null()) {
        choice = one;
        continue;
      }
      append(&choice["text"], one["text"]);
      choice["finish_reason"] = one["finish_reason"];
      if (one.contains("finish_detail")) choice["finish_detail"] = one["finish_detail"];
      if (one["logprobs"].is_null()) continue;
      for (const auto& [key, list] : one["logprobs"].items()) extend(&choice["logprobs"][key], list);
    }
  }
  for (auto& [index, choice] : choices) whole["choices"].push_back(choice);
  return whole;
}

Json join_messages(const std::vector<StreamEvent>& events) {
  Json whole;
  int open = -1;
  std::string arguments;
  for (const auto& [name, data] : events) {
    EXPECT_EQ(data["type"], name);
    if (name == "ping") continue;
    if (name == "message_start") {
      EXPECT_TRUE(whole.is_null());
      whole = data["message"];
    } else if (name == "content_block_start") {
      EXPECT_EQ(open, -1) << "the block before is open";
      open = data["index"].get<int>();
      EXPECT_EQ(open, static_cast<int>(whole["content"].size())) << "blocks are dense";
      whole["content"].push_back(data["content_block"]);
      arguments.clear();
    } else if (name == "content_block_delta") {
      EXPECT_EQ(data["index"], open);
      Json& block = whole["content"].back();
      const Json& delta = data["delta"];
      if (delta["type"] == "text_delta") append(&block["text"], delta["text"]);
      if (delta["type"] == "thinking_delta") append(&block["thinking"], delta["thinking"]);
      if (delta["type"] == "input_json_delta") arguments += delta["partial_json"].get<std::string>();
      if (delta["type"] == "signature_delta") block["signature"] = delta["signature"];
    } else if (name == "content_block_stop") {
      EXPECT_EQ(data["index"], open);
      open = -1;
      if (!arguments.empty()) whole["content"].back()["input"] = Json::parse(arguments);
    } else if (name == "message_delta") {
      EXPECT_EQ(open, -1);
      whole.update(data["delta"]);
      whole["usage"] = data["usage"];
      whole["timings"] = data["timings"];
    } else {
      EXPECT_EQ(name, "message_stop");
    }
  }
  EXPECT_EQ(events.back().name, "message_stop");
  return whole;
}

// Built from the pieces alone; the last event must say the same.
Json join_responses(const std::vector<StreamEvent>& events) {
  Json output = Json::array();
  int64_t sequence = 0;
  for (const auto& [name, data] : events) {
    EXPECT_EQ(data["type"], name);
    EXPECT_EQ(data["sequence_number"], sequence++);
    if (!data.contains("output_index")) continue;
    const size_t index = data["output_index"].get<size_t>();
    if (name == "response.output_item.added") {
      EXPECT_EQ(index, output.size());
      output.push_back(data["item"]);
      continue;
    }
    EXPECT_EQ(index, output.size() - 1) << "items come one after the other";
    Json& item = output[index];
    if (data.contains("item_id")) {
      EXPECT_EQ(data["item_id"], item["id"]);
    }
    if (name == "response.content_part.added") item["content"].push_back(data["part"]);
    if (name == "response.output_text.delta" || name == "response.reasoning_text.delta") {
      append(&item["content"][0]["text"], data["delta"]);
      if (data.contains("logprobs")) extend(&item["content"][0]["logprobs"], data["logprobs"]);
    }
    if (name == "response.function_call_arguments.delta") append(&item["arguments"], data["delta"]);
    if (name == "response.output_text.done" || name == "response.reasoning_text.done") {
      EXPECT_EQ(data["text"], item["content"][0]["text"]);
    }
    if (name == "response.content_part.done") {
      EXPECT_EQ(data["part"], item["content"][0]);
    }
    if (name == "response.function_call_arguments.done") {
      EXPECT_EQ(data["arguments"], item["arguments"]);
    }
    if (name == "response.output_item.done") {
      item["status"] = data["item"]["status"];
      if (data["item"].contains("encrypted_content"))
        item["encrypted_content"] = data["item"]["encrypted_content"];
      EXPECT_EQ(nlohmann::json(data["item"]), nlohmann::json(item));
    }
  }
  Json whole = events.back().data["response"];
  EXPECT_EQ(nlohmann::json(whole["output"]), nlohmann::json(output));
  EXPECT_EQ(events.back().name, "response." + whole["status"].get<std::string>());
  return whole;
}

Json join_native(const std::vector<StreamEvent>& events) {
  std::map<int, Json> parts, ends;
  for (const auto& [name, data] : events) {
    const int index = data["index"].get<int>();
    EXPECT_FALSE(ends.contains(index)) << "a piece behind the end";
    if (data["stop"] == true) {
      ends[index] = data;
      continue;
    }
    Json& part = parts[index];
    append(&part["content"], data["content"]);
    extend(&part["tokens"], data["tokens"]);
    if (data.contains("completion_probabilities")) {
      extend(&part["completion_probabilities"], data["completion_probabilities"]);
    }
  }
  Json list = Json::array();
  for (auto& [index, end] : ends) {
    const Json part = parts[index].is_null() ? Json::object() : parts[index];
    end["content"] = part.value("content", "");
    end["tokens"] = part.value("tokens", Json::array());
    if (part.contains("completion_probabilities")) {
      end["completion_probabilities"] = part["completion_probabilities"];
    }
    list.push_back(end);
  }
  return list.size() == 1 ? list[0] : list;
}

Json join_ollama(Dialect dialect, const std::vector<StreamEvent>& events) {
  const bool chat = dialect == Dialect::kOllamaChat;
  Json whole, said = Json::object(), log_probs;
  for (const auto& [name, data] : events) {
    EXPECT_EQ(data["done"], &data == &events.back().data);
    const Json& from = chat ? data["message"] : data;
    for (const char* key : {"content", "thinking", "response"})
      if (from.contains(key)) append(&said[key], from[key]);
    if (from.contains("tool_calls")) extend(&said["tool_calls"], from["tool_calls"]);
    if (data.contains("logprobs")) extend(&log_probs, data["logprobs"]);
    whole = data;
  }
  (chat ? whole["message"] : whole).update(said);
  if (!log_probs.is_null()) whole["logprobs"] = log_probs;
  return whole;
}

}  // namespace

std::vector<StreamEvent> events_of(Dialect dialect, std::string_view bytes) {
  std::vector<StreamEvent> events;
  bool done = false;
  const std::string_view border = is_ollama(dialect) ? "\n" : "\n\n";
  while (!bytes.empty()) {
    EXPECT_FALSE(done) << "something behind [DONE]";
    const size_t end = bytes.find(border);
    EXPECT_NE(end, bytes.npos) << "a frame that does not end: " << bytes;
    if (end == bytes.npos) break;
    std::string_view frame = bytes.substr(0, end);
    bytes.remove_prefix(end + border.size());
    if (frame == ":") continue;
    StreamEvent event;
    if (has_names(dialect)) {
      EXPECT_TRUE(frame.starts_with("event: ")) << frame;
      const size_t line = frame.find('\n');
      event.name = frame.substr(7, line - 7);
      frame.remove_prefix(line + 1);
    }
    if (!is_ollama(dialect)) {
      EXPECT_TRUE(frame.starts_with("data: ")) << frame;
      frame.remove_prefix(6);
    }
    EXPECT_EQ(frame.find('\n'), frame.npos);
    if (frame == "[DONE]") {
      done = true;
      continue;
    }
    event.data = Json::parse(frame);
    events.push_back(std::move(event));
  }
  EXPECT_EQ(done, has_done(dialect));
  return events;
}

Json joined(Dialect dialect, std::string_view bytes) {
  const auto events = events_of(dialect, bytes);
  if (events.empty()) return {};
  switch (dialect) {
    case Dialect::kChat:
      return comparable(dialect, join_chat(events));
    case Dialect::kCompletion:
      return comparable(dialect, join_completion(events));
    case Dialect::kResponses:
      return comparable(dialect, join_responses(events));
    case Dialect::kMessages:
      return comparable(dialect, join_messages(events));
    case Dialect::kNative:
    case Dialect::kInfill:
      return comparable(dialect, join_native(events));
    default:
      return comparable(dialect, join_ollama(dialect, events));
  }
}

Json comparable(Dialect dialect, Json whole) {
  if (has_done(dialect)) {
    whole.erase("object");
    whole.erase("system_fingerprint");
  }
  // No tokens at all: a stream has had no place to say so.
  const auto drop = [](Json& holder, const char* key) {
    if (!holder.is_object() || !holder.contains(key)) return;
    const Json& list = holder[key];
    const Json& tokens =
        list.is_object() ? list.contains("content") ? list["content"] : list["tokens"] : list;
    if (tokens.empty()) holder.erase(key);
  };
  drop(whole, "logprobs");
  drop(whole, "completion_probabilities");
  if (whole.is_object() && whole.contains("choices")) {
    for (Json& choice : whole["choices"]) drop(choice, "logprobs");
  }
  if (whole.is_array()) {
    for (Json& one : whole) drop(one, "completion_probabilities");
  }
  return whole;
}

}  // namespace gannet
