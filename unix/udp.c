/*
 * udp.c -- datagrams in batches: from where, to which address, by which
 *          interface; and out by a chosen one.
 *
 * Layer: transport (system).
 */
#include "udp.h"
#include "../generic/frame.h"

#include <errno.h>
#include <netinet/in.h>

enum { V4 = 4, V6 = 6 };
enum { SLOT = 65536 };          /* bytes for each datagram: none is cut */

/* Room for what the kernel tells beside a datagram. */
typedef union notes {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))
               + CMSG_SPACE(sizeof(struct in6_pktinfo))
               + CMSG_SPACE(sizeof(uint32_t))];
} notes;

clu_err clu_inbox_init(clu_inbox *inbox)
{
    *inbox = (clu_inbox){ .room = clu_alloc((size_t)CLU_UDP_BATCH * SLOT) };
    return inbox->room ? CLU_OK : CLU_NOMEM;
}

void clu_inbox_fini(clu_inbox *inbox)
{
    clu_free(inbox->room);
    inbox->room = NULL;
}

/* ---- In ------------------------------------------------------------------ */

static void read_note(struct cmsghdr *note, clu_mail *mail, uint32_t *lost)
{
    if (note->cmsg_level == IPPROTO_IP && note->cmsg_type == IP_PKTINFO) {
        struct in_pktinfo info;
        memcpy(&info, CMSG_DATA(note), sizeof info);
        mail->to.family = V4;
        memcpy(mail->to.ip, &info.ipi_addr, 4);
        mail->face = (unsigned)info.ipi_ifindex;
    } else if (note->cmsg_level == IPPROTO_IPV6
               && note->cmsg_type == IPV6_PKTINFO) {
        struct in6_pktinfo info;
        memcpy(&info, CMSG_DATA(note), sizeof info);
        mail->to.family = V6;
        memcpy(mail->to.ip, &info.ipi6_addr, 16);
        mail->face = info.ipi6_ifindex;
#ifdef SO_RXQ_OVFL
    } else if (note->cmsg_level == SOL_SOCKET
               && note->cmsg_type == SO_RXQ_OVFL) {
        memcpy(lost, CMSG_DATA(note), sizeof *lost);
#endif
    }
}

static void read_head(struct msghdr *head, size_t n, clu_mail *mail,
                      uint32_t *lost)
{
    *mail = (clu_mail){ .bytes = clu_slice_of(head->msg_iov->iov_base, n) };
    if (head->msg_namelen) {
        clu_address_of(head->msg_name, &mail->from);
    }
    for (struct cmsghdr *note = CMSG_FIRSTHDR(head); note;
         note = CMSG_NXTHDR(head, note)) {
        read_note(note, mail, lost);
    }
}

void clu_inbox_read(clu_inbox *inbox, int fd, uint32_t *lost)
{
    struct mmsghdr heads[CLU_UDP_BATCH];
    struct iovec slots[CLU_UDP_BATCH];
    struct sockaddr_storage names[CLU_UDP_BATCH];
    notes told[CLU_UDP_BATCH];
    for (size_t i = 0; i < CLU_UDP_BATCH; i++) {
        slots[i] = (struct iovec){ inbox->room + i * SLOT, SLOT };
        heads[i] = (struct mmsghdr){ .msg_hdr = {
            .msg_name = &names[i], .msg_namelen = sizeof names[i],
            .msg_iov = &slots[i], .msg_iovlen = 1,
            .msg_control = &told[i], .msg_controllen = sizeof told[i] } };
    }
    int n = recvmmsg(fd, heads, CLU_UDP_BATCH, MSG_DONTWAIT, NULL);
    inbox->count = n > 0 ? (size_t)n : 0;
    for (size_t i = 0; i < inbox->count; i++) {
        read_head(&heads[i].msg_hdr, heads[i].msg_len, &inbox->at[i], lost);
    }
}

void clu_udp_prepare(int fd, int family, int buffer)
{
    /* Each of these helps, none is needed: without them less is known. */
    if (family == V6) {
        (void)clu_sock_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    } else {
        (void)clu_sock_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
    }
#ifdef SO_RXQ_OVFL
    (void)clu_sock_option(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
#endif
#ifdef SO_RCVBUFFORCE
    if (clu_sock_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, buffer) == CLU_OK) {
        return;
    }
#endif
    (void)clu_sock_option(fd, SOL_SOCKET, SO_RCVBUF, buffer);
}

/* ---- Up ------------------------------------------------------------------ */

void clu_udp_frame(clu_transport *t, const clu_from *from, clu_slice body,
                   clu_ms now)
{
    clu_arrival a = { .what = CLU_ARRIVED_FRAME, .via = t, .from = *from,
                      .bytes = body };
    t->packets_in++;
    t->up(t->owner, &a, now);
}

void clu_udp_cut(clu_transport *t, const clu_from *from, clu_slice bytes,
                 clu_ms now)
{
    clu_frame_loss loss = { 0 };
    clu_slice body;
    size_t need, limit = (size_t)t->limits->at[CLU_LIMIT_MESSAGE];
    bool empty = bytes.n == 0;
    while (clu_frame_next(&bytes, limit, &body, &need, &loss) == CLU_OK) {
        clu_udp_frame(t, from, body, now);
    }
    if (bytes.n > 0 || loss.junk > 0 || empty) {
        clu_arrival a = { .what = CLU_ARRIVED_JUNK, .via = t, .from = *from,
                          .count = loss.junk + bytes.n };
        a.why = loss.broken ? CLU_FOOTER
            : bytes.n > 0 ? CLU_TRUNCATED : CLU_HEADER;
        t->up(t->owner, &a, now);
    }
}

/* ---- Out ----------------------------------------------------------------- */

static size_t note_v4(struct cmsghdr *note, unsigned face,
                      const clu_address *source)
{
    struct in_pktinfo info = { .ipi_ifindex = (int)face };
    if (source->family == V4) {
        memcpy(&info.ipi_spec_dst, source->ip, 4);
    }
    note->cmsg_level = IPPROTO_IP;
    note->cmsg_type = IP_PKTINFO;
    note->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(note), &info, sizeof info);
    return CMSG_SPACE(sizeof info);
}

static size_t note_v6(struct cmsghdr *note, unsigned face,
                      const clu_address *source)
{
    struct in6_pktinfo info = { .ipi6_ifindex = face };
    if (source->family == V6) {
        memcpy(&info.ipi6_addr, source->ip, 16);
    }
    note->cmsg_level = IPPROTO_IPV6;
    note->cmsg_type = IPV6_PKTINFO;
    note->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(note), &info, sizeof info);
    return CMSG_SPACE(sizeof info);
}

clu_err clu_udp_send(int fd, const clu_sockaddr *to, clu_slice bytes,
                     unsigned face, const clu_address *source)
{
    notes told = { .bytes = { 0 } };
    struct iovec one = { (void *)bytes.p, bytes.n };
    struct msghdr head = { .msg_name = (void *)&to->s, .msg_namelen = to->n,
                           .msg_iov = &one, .msg_iovlen = 1 };
    if (face != 0 || source->family != 0) {
        head.msg_control = &told;
        head.msg_controllen = to->s.ss_family == AF_INET6
            ? note_v6(&told.align, face, source)
            : note_v4(&told.align, face, source);
    }
    ssize_t sent;
    do {
        sent = sendmsg(fd, &head, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent >= 0 ? CLU_OK : CLU_SYSTEM;
}
