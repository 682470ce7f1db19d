%% pong.erl -- gen_server:call between two Erlang nodes.
-module(pong).
-behaviour(gen_server).
-export([server/0, client/0, init/1, handle_call/3, handle_cast/2]).

init([]) -> {ok, none}.
handle_call(ping, _From, State) -> {reply, pong, State}.
handle_cast(_Message, State) -> {noreply, State}.

server() -> gen_server:start({local, pong}, ?MODULE, [], []).

client() ->
    spawn(fun() -> find(50), lines() end).

find(Tries) when Tries > 0 ->
    case net_adm:ping('a@127.0.0.1') of
        pong -> ok;
        pang -> timer:sleep(100), find(Tries - 1)
    end.

lines() ->
    case io:get_line("") of
        eof -> halt();
        "run " ++ Rest ->
            run(list_to_integer(string:trim(Rest))),
            lines()
    end.

run(Count) ->
    Began = now_ns(),
    Times = [one() || _ <- lists:seq(1, Count)],
    All = now_ns() - Began,
    Sorted = lists:sort(Times),
    io:format("~.3f ~.3f ~.3f~n", [All / 1000,
        lists:nth(Count div 2 + 1, Sorted) / 1000,
        lists:nth(Count * 99 div 100 + 1, Sorted) / 1000]).

one() ->
    Began = now_ns(),
    pong = gen_server:call({pong, 'a@127.0.0.1'}, ping),
    now_ns() - Began.

now_ns() -> erlang:monotonic_time(nanosecond).
