#include "grammar/json_formats.h"

#include <algorithm>
#include <array>

namespace gannet {
namespace {

#define GANNET_DATE                                                                                        \
  "(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|"    \
  "02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])" \
  "00)-02-29)"
#define GANNET_TIME \
  "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
#define GANNET_LABEL "[A-Za-z0-9](?:[A-Za-z0-9-]{0,60}[A-Za-z0-9])?"
#define GANNET_HOST GANNET_LABEL "(?:\\." GANNET_LABEL "){0,3}"
#define GANNET_BYTE "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
#define GANNET_IPV4 GANNET_BYTE "(?:\\." GANNET_BYTE "){3}"
#define GANNET_H "[0-9A-Fa-f]{1,4}"
#define GANNET_ATOM "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,30}"
#define GANNET_URL_CHAR "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"

struct Format {
  std::string_view name, pattern;
};
constexpr std::array kFormats = {
    Format{"date", GANNET_DATE},
    Format{"time", GANNET_TIME},
    Format{"date-time", GANNET_DATE "T" GANNET_TIME},
    Format{"duration",
           "P(?:[0-9]{1,4}W|(?:[0-9]{1,4}Y(?:[0-9]{1,4}M(?:[0-9]{1,4}D)?)?|[0-9]{1,4}M(?:[0-9]{1,4}D)?|"
           "[0-9]{1,4}D)(?:T(?:[0-9]{1,4}H(?:[0-9]{1,4}M(?:[0-9]{1,4}S)?)?|[0-9]{1,4}M(?:[0-9]{1,4}S)?|"
           "[0-9]{1,4}S))?|T(?:[0-9]{1,4}H(?:[0-9]{1,4}M(?:[0-9]{1,4}S)?)?|[0-9]{1,4}M(?:[0-9]{1,4}S)?|"
           "[0-9]{1,4}S))"},
    Format{"uuid", "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"},
    Format{"email",
           GANNET_ATOM "(?:\\." GANNET_ATOM "){0,1}@(?:" GANNET_LABEL "\\.){1,3}[A-Za-z][A-Za-z0-9]{1,20}"},
    Format{"hostname", GANNET_HOST},
    Format{"ipv4", GANNET_IPV4},
    Format{"ipv6", "(?:" GANNET_H ":){7}" GANNET_H "|(?:" GANNET_H ":){1,7}:|(?:" GANNET_H ":){1,6}:" GANNET_H
                   "|(?:" GANNET_H ":){1,5}(?::" GANNET_H "){1,2}|(?:" GANNET_H ":){1,4}(?::" GANNET_H
                   "){1,3}|(?:" GANNET_H ":){1,3}(?::" GANNET_H "){1,4}|(?:" GANNET_H ":){1,2}(?::" GANNET_H
                   "){1,5}|" GANNET_H ":(?::" GANNET_H "){1,6}|:(?:(?::" GANNET_H "){1,7}|:)"},
    Format{"uri", "[A-Za-z][A-Za-z0-9+.-]{0,20}://" GANNET_HOST "(?::[1-9][0-9]{0,3})?(?:/" GANNET_URL_CHAR
                  "*)*(?:\\?(?:" GANNET_URL_CHAR "|[/?])*)?(?:#(?:" GANNET_URL_CHAR "|[/?])*)?"},
};
constexpr std::array<std::string_view, 12> kAnnotations = {"int32",    "int64",    "float",  "double",
                                                           "password", "textarea", "uint32", "uint64",
                                                           "markdown", "html",     "color",  "decimal"};

}  // namespace

std::optional<std::string_view> format_pattern(std::string_view format) {
  const auto it = std::ranges::find(kFormats, format, &Format::name);
  if (it == kFormats.end()) return std::nullopt;
  return it->pattern;
}

bool is_format_annotation(std::string_view format) {
  return std::ranges::find(kAnnotations, format) != kAnnotations.end();
}

}  // namespace gannet
