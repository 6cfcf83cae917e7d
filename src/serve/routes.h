// What the server answers at which path.
#pragma once

#include <memory>

#include "http/router.h"
#include "serve/model_service.h"

namespace gannet {

// The service must outlive the router and all of its exchanges.
std::shared_ptr<Router> make_routes(ModelService& service, RouterOptions options, std::string version);

}  // namespace gannet
