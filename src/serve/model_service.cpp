#include "serve/model_service.h"

#include <chrono>

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
  made->maker_ =
      GANNET_TRY(RequestMaker::create(model, tokenizer, session.options().n_ctx, made->options_.chat_template,
                                      made->options_.defaults, made->options_.script));
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
  return made;
}

ModelService::~ModelService() {
  stop();
}

void ModelService::stop() {
  stopping_ = true;
  worker_.stop();
  if (stepper_.joinable()) stepper_.join();
}

std::chrono::microseconds ModelService::since_last_step() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() -
                                                               last_step_.load());
}

void ModelService::step_all() {
  constexpr std::chrono::milliseconds kIdle{100};
  while (!stopping_) {
    last_step_ = std::chrono::steady_clock::now();
    if (!scheduler_->step()) scheduler_->wait(kIdle);
  }
  scheduler_->cancel_all();
}

}  // namespace gannet
