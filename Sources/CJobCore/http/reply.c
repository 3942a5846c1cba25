#include "server_private.h"

#include <errno.h>

void jc_exchange_put_head(struct jc_exchange *exchange, const struct jc_reply_head *head, int64_t length,
                          const void *body)
{
    struct jc_connection *connection = exchange->connection;
    exchange->bodiless = exchange->bodiless || head->status == 204 || head->status == 304;
    exchange->left = length;
    int status = connection->codec->put_head(exchange, head, length, exchange->bodiless ? NULL : body);
    if (status == 0)
        jc_server_count(connection->server, JC_COUNT_REPLIES + (unsigned)head->status);
    else
        jc_reply_abort(exchange);
    if (status == -EINVAL)
        jc_connection_failed(connection, "a header field of the reply is malformed");
}

void jc_reply(struct jc_exchange *exchange, const struct jc_reply_head *head, const void *body, size_t length)
{
    if (exchange->answer != JC_ANSWER_NONE)
        return;
    jc_exchange_put_head(exchange, head, (int64_t)length, length > 0 ? body : NULL);
    exchange->left = 0;
    exchange->mode = JC_BODY_NONE;
    exchange->answer = JC_ANSWER_ENDING;
}

void jc_reply_interim(struct jc_exchange *exchange, const struct jc_reply_head *head)
{
    struct jc_connection *connection = exchange->connection;
    if (exchange->answer != JC_ANSWER_NONE || jc_bytes_length(&connection->transport.unsent) > 0)
        return;
    if (connection->codec->put_interim(exchange, head) < 0)
        jc_reply_abort(exchange);
}

void jc_reply_problem(struct jc_exchange *exchange, const struct jc_reply_head *head, const char *detail,
                      size_t length)
{
    static const char type[] = "application/problem+json";
    struct jc_reply_head typed = *head;
    struct jc_bytes json = {0};
    typed.type = (struct jw_slice){type, sizeof type - 1};
    if (jc_problem_json(head->status, detail, length, &json) < 0)
        jc_reply_abort(exchange);
    else
        jc_reply(exchange, &typed, json.data, jc_bytes_length(&json));
    jc_bytes_free(&json);
}
