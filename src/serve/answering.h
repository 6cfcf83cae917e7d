// One request being answered: from the body of a client to the bytes of its dialect.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "api/answer_writer.h"
#include "api/generation.h"
#include "http/exchange.h"
#include "serve/model_pool.h"
#include "serve/request_log.h"

namespace gannet {

// Field of answers: tokens of the (first) prompt that were not read again.
inline constexpr const char* kCachedTokensHeader = "X-Cached-Tokens";

// Lives as long as callbacks of the scheduler or the exchange may come. Events are written by the stepping
// thread.
class Answering : public std::enable_shared_from_this<Answering> {
 public:
  // Makes the request ready on the service's worker and submits it; the exchange gets the answer, or the
  // error. `unique`: letters and digits of this request alone; `client`: who asks;
  // `note`: gets what the log says of it.
  static void begin(ModelLease service, GenerationRequest request, std::string unique, std::string client,
                    std::shared_ptr<HttpExchange> exchange, std::shared_ptr<RequestNote> note);

  ~Answering();

 private:
  using Clock = std::chrono::steady_clock;
  struct Choice {
    std::string echoed;                  // the prompt, for those who want it in front
    std::optional<OutputParser> parser;  // none: the text is content as it is
    std::vector<TokenReport> tokens;
    Usage usage;
  };

  Answering(ModelLease service, GenerationRequest request, std::string unique, std::string client,
            std::shared_ptr<HttpExchange> exchange, std::shared_ptr<RequestNote> note);
  HttpHeaders with_cached(HttpHeaders headers) const;
  void prepare();
  void submit(std::vector<MadeRequest> made);
  void begin_stream();
  void refuse(const ApiError& error, HttpHeaders headers = {});
  void refuse_full();
  void started(size_t choice, const RequestOutcome& so_far);
  bool text(size_t choice, std::string_view piece);
  void ended(size_t choice, const RequestOutcome& outcome);
  void send(const GenerationEvent& event);
  Timings timings(size_t choice, const RequestOutcome& outcome) const;

  const ModelLease service_;
  GenerationRequest request_;
  const std::string unique_, client_;
  std::shared_ptr<HttpExchange> exchange_;
  const std::shared_ptr<RequestNote> note_;
  std::unique_ptr<AnswerWriter> writer_;
  std::vector<Choice> choices_;
  std::string whole_;  // of an answer that is no stream
  std::atomic<bool> gone_ = false;
  bool reserved_ = false;  // a place in the queue
  bool failed_ = false, streaming_ = false;
  const Clock::time_point began_ = Clock::now();
};

}  // namespace gannet
