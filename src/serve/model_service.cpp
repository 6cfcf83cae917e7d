#include "serve/model_service.h"

#include <chrono>
#include <new>

namespace gannet {

ModelService::ModelService(Session& session, Decoder& decoder, const Tokenizer& tokenizer,
                           ModelServiceOptions options)
    : session_(session),
      tokenizer_(tokenizer),
      options_(std::move(options)),
      scheduler_(std::make_unique<Scheduler>(decoder, tokenizer, session.pool(), options_.scheduler)) {}

Result<std::unique_ptr<ModelService>> ModelService::create(Session& session, Decoder& decoder,
                                                           const Tokenizer& tokenizer,
                                                           ModelServiceOptions options) {
  std::unique_ptr<ModelService> made(new ModelService(session, decoder, tokenizer, std::move(options)));
  const Model& model = session.model();
  made->maker_ = GANNET_TRY(RequestMaker::create(model, tokenizer, session.options().n_ctx,
                                                 made->options_.chat_template, made->options_.script));
  ModelCard& card = made->card_;
  const Hyperparameters& hp = model.hyperparameters();
  card.id = made->options_.name;
  card.created =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  card.n_vocab = tokenizer.vocabulary().size();
  card.n_ctx = session.options().n_ctx;
  card.n_ctx_train = hp.context_length;
  card.n_embd = hp.n_embd;
  const std::string type = model.type_text();  // its last word is how most of the weights are stored
  card.ftype = type.substr(type.rfind(' ') + 1);
  card.architecture = hp.arch_facts().name;
  card.n_params = model.parameter_count();
  for (const GgufTensor& tensor : model.file().tensors())
    card.bytes += static_cast<int64_t>(tensor.data.size());
  card.loaded = true;
  if (const ChatTemplate* chat = made->maker_->chat_template()) {
    card.tools = chat->facts().tools;
    card.thoughts = chat->facts().thoughts;
  }
  made->stepper_ = std::thread([service = made.get()] { service->step_all(); });
  made->worker_ = std::thread([service = made.get()] { service->work_all(); });
  return made;
}

ModelService::~ModelService() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_all();
  if (worker_.joinable()) worker_.join();
  if (stepper_.joinable()) stepper_.join();
}

void ModelService::later(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    work_.push(std::move(work));
  }
  arrived_.notify_one();
}

void ModelService::work_all() {
  while (true) {
    std::function<void()> work;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [&] { return stopping_ || !work_.empty(); });
      if (stopping_) return;
      work = std::move(work_.front());
      work_.pop();
    }
    try {
      work();
    } catch (const std::bad_alloc&) {
      // Its exchange is dropped: the client is told that the server failed.
    }
  }
}

void ModelService::step_all() {
  constexpr std::chrono::milliseconds kIdle{100};
  while (!stopping_)
    if (!scheduler_->step()) scheduler_->wait(kIdle);
  scheduler_->cancel_all();
}

}  // namespace gannet
