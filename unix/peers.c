/*
 * peers.c -- the links of a stream transport, by id and by service.
 *
 * Layer: transport.
 */
#include "streamInt.h"

static clu_slice key_of(const uint64_t *id)
{
    return clu_slice_of(id, sizeof *id);
}

static bool same_link(const clu_map_node *node, clu_slice key)
{
    const clu_link *l = CLU_CONTAINER(node, clu_link, by_id);
    return clu_slice_eq(key_of(&l->id), key);
}

static bool same_peer(const clu_map_node *node, clu_slice key)
{
    const clu_peer *p = CLU_CONTAINER(node, clu_peer, node);
    return clu_slice_eq(key_of(&p->service), key);
}

clu_link *clu_stream_find(clu_stream *s, uint64_t id)
{
    clu_slice key = key_of(&id);
    clu_map_node *node = clu_map_find(&s->links, clu_hash_id(id), key,
                                      same_link);
    return node ? CLU_CONTAINER(node, clu_link, by_id) : NULL;
}

clu_peer *clu_stream_peer(clu_stream *s, uint64_t service)
{
    clu_slice key = key_of(&service);
    clu_map_node *node = clu_map_find(&s->peers, clu_hash_id(service), key,
                                      same_peer);
    return node ? CLU_CONTAINER(node, clu_peer, node) : NULL;
}

static clu_peer *make_peer(clu_stream *s, uint64_t service)
{
    clu_peer *p = clu_stream_peer(s, service);
    if (p) {
        return p;
    }
    p = clu_alloc(sizeof *p);
    if (!p) {
        return NULL;
    }
    p->service = service;
    clu_list_init(&p->links);
    if (clu_map_insert(&s->peers, &p->node, clu_hash_id(service)) != CLU_OK) {
        clu_free(p);
        return NULL;
    }
    return p;
}

clu_link *clu_stream_link(clu_stream *s, uint64_t service)
{
    clu_peer *p = clu_stream_peer(s, service);
    if (!p) {
        return NULL;
    }
    for (clu_list *at = p->links.next; at != &p->links; at = at->next) {
        clu_link *l = CLU_CONTAINER(at, clu_link, of_service);
        if (l->broken == CLU_OK || !clu_list_empty(&l->queue)) {
            return l;
        }
    }
    return NULL;
}

void clu_stream_file(clu_stream *s, clu_link *l)
{
    clu_list *list = !l->accepted || l->service ? &s->bound
        : l->state == CLU_LINK_PENDING ? &s->pending : &s->strangers;
    clu_list_unlink(&l->in_state);
    clu_list_append(list, &l->in_state);
}

void clu_stream_unbind(clu_stream *s, clu_link *l)
{
    clu_peer *p = l->service ? clu_stream_peer(s, l->service) : NULL;
    clu_list_unlink(&l->of_service);
    l->service = 0;
    if (p && clu_list_empty(&p->links)) {
        clu_map_remove(&s->peers, &p->node);
        clu_free(p);
    }
}

clu_err clu_stream_bind(clu_stream *s, clu_link *l, uint64_t service)
{
    clu_peer *p = make_peer(s, service);
    if (!p) {
        return CLU_NOMEM;
    }
    clu_stream_unbind(s, l);
    l->service = service;
    clu_list_append(&p->links, &l->of_service);
    return CLU_OK;
}

void clu_stream_take_out(clu_stream *s, clu_link *l)
{
    clu_map_remove(&s->links, &l->by_id);
    clu_stream_unbind(s, l);
    clu_list_unlink(&l->in_state);
    if (l->accepted) {
        if (l->state == CLU_LINK_PENDING) {
            s->pending_count--;
        } else {
            s->proven_count--;
        }
        clu_listener_resume(&s->listener, clu_loop_clock());
    }
    if (l->state != CLU_LINK_CONNECTING) {
        s->t.counters->at[CLU_COUNT_links_closed]++;
    }
}

clu_err clu_stream_add(clu_stream *s, int fd, const clu_sockaddr *to,
                        clu_ms now, clu_link **link)
{
    s->pool.transport = &s->t;
    clu_link *l;
    clu_err err = clu_link_create(&s->pool, fd, to, now, &l);
    if (err != CLU_OK) {
        clu_sock_close(fd);
        return err;
    }
    l->id = ++s->last_id;
    err = clu_map_insert(&s->links, &l->by_id, clu_hash_id(l->id));
    if (err != CLU_OK) {
        clu_link_close(l, NULL);
        return err;
    }
    *link = l;
    return CLU_OK;
}
