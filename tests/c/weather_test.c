/*
 * weather_test.c -- what becomes of a packet between two impaired hosts.
 */
#include "check.h"

#include "../../tools/gates/weather.h"

#define PACKETS 10000

/* Copies that arrive of so many packets, one each ms. */
static int arrivals(weather *w, unsigned from, unsigned to, bool tcp)
{
    int count = 0;
    for (int64_t now = 0; now < PACKETS; now++) {
        int64_t due[2] = { 0, 0 };
        count += weather_fate(w, from, to, tcp, now, due);
    }
    return count;
}

static int arrivals_after(const char *line, unsigned from, unsigned to,
                          bool tcp)
{
    weather w;
    weather_init(&w, 3, 7);
    const char *why = weather_tell(&w, line);
    CHECK(why == NULL);
    return arrivals(&w, from, to, tcp);
}

TEST("weather-1.1 what a line sets holds for the links it names, one way")
{
    static const struct {
        const char *line;
        unsigned from, to;
        bool tcp;
        int least, most;
    } cases[] = {
        { "heal", 1, 2, false, PACKETS, PACKETS },
        { "1 2 cut 1", 1, 2, false, 0, 0 },
        { "1 2 cut 1", 2, 1, false, PACKETS, PACKETS },
        { "1 2,3 cut 1", 1, 3, false, 0, 0 },
        { "1 * cut 1", 1, 3, false, 0, 0 },
        { "1 2 mute 1", 1, 2, true, 0, 0 },
        { "1 2 mute 1", 1, 2, false, PACKETS, PACKETS },
        { "* * loss 20", 3, 1, false, 7800, 8200 },
        { "* * loss 50", 3, 1, true, 4800, 5200 },
        { "* * twice 10", 2, 1, false, 10800, 11200 },
        { "* * loss 50 twice 100", 2, 1, false, 9600, 10400 },
        { "* * delay 30 jitter 20 swap 30", 2, 1, false, PACKETS, PACKETS },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("%s, %u to %u", cases[i].line, cases[i].from, cases[i].to);
        int n = arrivals_after(cases[i].line, cases[i].from, cases[i].to,
                               cases[i].tcp);
        CHECK(n >= cases[i].least && n <= cases[i].most);
    }
}

TEST("weather-1.2 jitter keeps the order, only swap does not")
{
    for (int swap = 0; swap < 2; swap++) {
        weather w;
        weather_init(&w, 2, 1);
        weather_tell(&w, "* * delay 5 jitter 40");
        weather_tell(&w, swap ? "* * swap 20" : "* * swap 0");
        int64_t last = 0;
        int overtaken = 0;
        for (int64_t now = 0; now < PACKETS; now++) {
            int64_t due[2] = { 0, 0 };
            CHECK_EQ(weather_fate(&w, 1, 2, false, now, due), 1);
            CHECK(due[0] >= now + 5 && due[0] <= now + 100);
            overtaken += due[0] < last;
            last = due[0];
        }
        CHECK_EQ(overtaken > 500, swap);
        CHECK(swap || overtaken == 0);
        CHECK_EQ(w.at[1][2].swapped > 0, swap);
    }
}

TEST("weather-1.3 a link's n-th packet fares alike whatever others do")
{
    weather a, b;
    weather_init(&a, 3, 99);
    weather_init(&b, 3, 99);
    weather_tell(&a, "1 2 loss 30 twice 30");
    weather_tell(&b, "1 2 loss 30 twice 30");
    int alike = 0;
    for (int64_t now = 0; now < PACKETS; now++) {
        int64_t due[2] = { 0, 0 };
        weather_fate(&b, 2, 1, false, now, due);
        alike += weather_fate(&a, 1, 2, false, now, due)
            == weather_fate(&b, 1, 2, false, now, due);
    }
    CHECK_EQ(alike, PACKETS);
    CHECK_EQ(a.at[1][2].lost, b.at[1][2].lost);
    weather_init(&b, 3, 100);
    weather_tell(&b, "1 2 loss 30 twice 30");
    arrivals(&b, 1, 2, false);
    CHECK(a.at[1][2].lost != b.at[1][2].lost
          || a.at[1][2].doubled != b.at[1][2].doubled);
}

TEST("weather-1.4 a line that is wrong says how and changes nothing else")
{
    static const char *const lines[] = {
        "", "1", "1 2 los 3", "1 9 loss 3", "x 2 loss 3", "1 2 loss",
        "1 2 loss x",
        "1,,2 3 loss 4x 1",
    };
    for (size_t i = 0; i < CLU_COUNT_OF(lines); i++) {
        weather w;
        weather_init(&w, 3, 1);
        check_about("%s", lines[i]);
        CHECK(weather_tell(&w, lines[i]) != NULL);
        CHECK_EQ(arrivals(&w, 1, 2, false), PACKETS);
    }
}

TEST("weather-1.5 heal ends all of it")
{
    weather w;
    weather_init(&w, 3, 1);
    weather_tell(&w, "* * loss 100 twice 100 swap 100 delay 9 cut 1 mute 1");
    CHECK_EQ(arrivals(&w, 1, 2, true), 0);
    CHECK_EQ(w.at[1][2].blocked, PACKETS);
    CHECK(weather_tell(&w, "heal") == NULL);
    CHECK_EQ(arrivals(&w, 1, 2, true), PACKETS);
}
