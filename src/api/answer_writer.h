// Events to the bytes of a dialect, whole or streamed.
//
//   auto writer = make_answer_writer(request, {.unique = "x1", .created = now, .model = name});
//   for (event) send(writer->write(event));
//
// A whole answer and the sum of its stream say the same.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "api/generation.h"

namespace gannet {

// What the answers to one request are called.
struct AnswerIdentity {
  std::string unique;            // of letters and digits, another for every request; ids are made from it
  int64_t created = 0;           // seconds since 1970
  std::string model = {};        // as the client is told
  std::string fingerprint = {};  // of the program and the model: system_fingerprint
  // For native answers only: what write_settings() (services.h) says, and the text of each prompt.
  nlohmann::ordered_json settings = {};
  std::vector<std::string> prompts = {};
};

// What OutputOptions::id_prefix should be for this answer.
std::string call_id_prefix(Dialect dialect, std::string_view unique, size_t choice);

// One request's answers. Not for several threads at once.
class AnswerWriter {
 public:
  virtual ~AnswerWriter() = default;

  // The bytes to send now, maybe none. A whole answer is one piece, at its last event. Of each choice: first
  // AnswerStarted, last AnswerFinished; AnswerFailed ends everything. Nothing after done().
  virtual std::string write(const GenerationEvent& event) = 0;

  // What says that the stream lives while there is nothing to tell; empty where the dialect has nothing.
  virtual std::string ping() const = 0;

  virtual std::string_view content_type() const = 0;

  // All choices have finished, or the request has failed.
  bool done() const { return done_; }

  // Of a whole answer, when it is done; a stream has begun with 200 by then. To answer an error in front of
  // a stream with its status, send error_body() instead of writing the event.
  int status() const { return status_; }

 protected:
  bool done_ = false;
  int status_ = 200;
};

std::unique_ptr<AnswerWriter> make_answer_writer(const GenerationRequest& request, AnswerIdentity identity);

}  // namespace gannet
