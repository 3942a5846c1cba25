#include "http1.h"
#include "codec.h"

const struct jc_codec_operations jc_http1 = {
    .state_size = sizeof(struct jc_http1),
    .take = jc_http1_take,
    .awaits_body = jc_http1_awaits_body,
    .refuse = jc_http1_refuse,
    .put_head = jc_http1_put_head,
    .put_body = jc_http1_put_body,
    .put_end = jc_http1_put_end,
    .fill = jc_http1_fill,
};
