// matmul on the CPU: the products of one weight matrix. The arithmetic is in backend/cpu/linear.
#include "backend/cpu/linear/products.h"

namespace gannet::GANNET_ISA_NS {
namespace {

int64_t workspace(const OpSite& site, int n_threads) {
  return Products(site, 1, 2, false).workspace(n_threads);
}

int barriers(const OpSite& site, int n_threads) {
  return Products(site, 1, 2, false).barriers(n_threads);
}

void run(const KernelArgs& args, Worker& worker) {
  Products(args, 1, 2, false)
      .run(args.operands[0], {}, {}, args.results[0], args.rows, args.workspace, worker);
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(matmul, {.op = "matmul",
                        .name = GANNET_ISA_NAME,
                        .isa = GANNET_ISA_ENUM,
                        .priority = 1,
                        .refuses = nullptr,
                        .workspace = GANNET_ISA_NS::workspace,
                        .run = GANNET_ISA_NS::run,
                        .barriers = GANNET_ISA_NS::barriers})
