// A model that answers: the thread that steps its scheduler, and a worker that makes requests ready.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "api/services.h"
#include "engine/scheduler.h"
#include "serve/request_maker.h"
#include "serve/work_queue.h"

namespace gannet {

struct ModelServiceOptions {
  std::string name;           // as clients call it
  std::string chat_template;  // instead of the model's own; empty: that
  RequestDefaults defaults = {};
  SchedulerOptions scheduler;
  // Of what states depend on besides the model's layout (StateStoreOptions); for files that /slots writes.
  std::string fingerprint = {};
  AnswerScript script = {};  // for tests; null: the model says everything
  // What was left out of a request ("tools[2]: ..."), by any thread. May be null.
  std::function<void(const std::string& warning)> warn = {};
};

class ModelService {
 public:
  // `session`, its `decoder` and `tokenizer` must outlive it and are its own from now on. Errors: the chat
  // template.
  static Result<std::unique_ptr<ModelService>> create(Session& session, Decoder& decoder,
                                                      const Tokenizer& tokenizer,
                                                      ModelServiceOptions options);
  ~ModelService();
  // Ends everything that is being answered, and answers nothing any more.
  void stop();

  // Thread-safe.
  const ModelServiceOptions& options() const { return options_; }
  const std::string& name() const { return options_.name; }
  const ModelCard& card() const { return card_; }
  const Tokenizer& tokenizer() const { return tokenizer_; }
  RequestMaker& maker() { return *maker_; }
  Scheduler& scheduler() { return *scheduler_; }
  Session& session() { return session_; }
  // What it answers with is lost (Scheduler::device_lost); to be loaded again.
  bool device_lost() const { return scheduler_->device_lost(); }
  int64_t n_ctx() const { return session_.options().n_ctx; }
  // Since the stepping thread began its last step, or found nothing to do.
  std::chrono::microseconds since_last_step() const;
  // Runs `work` on the worker, in order.
  void later(std::function<void()> work) { worker_.later(std::move(work)); }

 private:
  ModelService(Session& session, Decoder& decoder, const Tokenizer& tokenizer, ModelServiceOptions options);
  void step_all();

  Session& session_;
  const Tokenizer& tokenizer_;
  ModelServiceOptions options_;
  ModelCard card_;
  std::unique_ptr<RequestMaker> maker_;
  std::unique_ptr<Scheduler> scheduler_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::chrono::steady_clock::time_point> last_step_ = std::chrono::steady_clock::now();
  WorkQueue worker_;
  std::thread stepper_;
};

}  // namespace gannet
