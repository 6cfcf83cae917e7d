// What was read in a place for answers, as a file and back: POST /slots/{id}?action=save, restore and erase.
#pragma once

#include <functional>
#include <string>

#include "serve/model_pool.h"

namespace gannet {

// `folder`: of the files; `body`: the request's. Runs on the service's worker and calls `done` from any
// thread with the body of the answer. Errors (kUsage): a slot that there is not, a name that is more than a
// name, nothing to save, a file of another model or a damaged one; kOutput.
void slot_action(const ModelLease& service, const std::string& folder, size_t slot, const std::string& action,
                 const std::string& body, std::function<void(Result<std::string>)> done);

}  // namespace gannet
