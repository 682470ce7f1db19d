# terminal.tcl -- what is different when a person looks on: colours, width, a
#                 line of progress, a live screen, keys.

namespace eval ::cluster::shell::terminal {
    variable Quiet 0;           # -quiet: no words but errors
    variable Command {};        # of which the words are
    variable Saved {};          # stty's settings, while keys are read singly
    variable Screen 0;          # the other screen is shown
    variable Ticker {};         # the timer of the line of progress
    variable Shown 0;           # a line of progress stands there
}

# A terminal has a -mode, and in Tcl 9 a -winsize; nothing else has.
proc ::cluster::shell::terminal::Is channel {
    set settings [fconfigure $channel]
    return [expr {[dict exists $settings -mode]
        || [dict exists $settings -winsize]}]
}

# What cannot be read or written in the locale's encoding shall not stop us.
proc ::cluster::shell::terminal::Open {} {
    foreach channel {stdin stdout stderr} {
        catch {fconfigure $channel -profile replace}
    }
    fconfigure stdout -translation lf \
        -buffering [expr {[Is stdout] ? "line" : "full"}]
}

proc ::cluster::shell::terminal::Colours {} {
    return [expr {[Is stdout]
        && !([info exists ::env(NO_COLOR)] && $::env(NO_COLOR) ne {})
        && !([info exists ::env(TERM)] && $::env(TERM) eq "dumb")}]
}

# The text in a colour, a word of term::ansi::code::ctrl, where colours are
# wanted.
proc ::cluster::shell::terminal::Paint {colour text} {
    if {$colour eq {} || ![Colours]} {
        return $text
    }
    package require term::ansi::code::ctrl
    return [::term::ansi::code::ctrl::sda_$colour]$text[
        ::term::ansi::code::ctrl::sda_reset]
}

# Columns and rows.
proc ::cluster::shell::terminal::Size {} {
    foreach channel {stdin stdout stderr} {
        if {[Is $channel] && ![catch {exec stty size <@$channel} size]
            && [lindex $size 1] > 0} {
            return [lreverse $size]
        }
    }
    return {80 24}
}

# ---- words -------------------------------------------------------------------

# Something worth knowing.
proc ::cluster::shell::terminal::Say message {
    variable Quiet
    if {!$Quiet} {
        Clear
        set message [::cluster::shell::output::Plain $message]
        catch {puts stderr "cluster: $message"}
    }
}

# Something wrong.
proc ::cluster::shell::terminal::Complain {command message} {
    Clear
    set message [::cluster::shell::output::Plain $message 1]
    catch {puts stderr "cluster $command: $message"}
}

# ---- a line of progress ------------------------------------------------------

# From a second on, while something is waited for: what the script says, and
# for how long.
proc ::cluster::shell::terminal::Progress script {
    variable Quiet
    variable Ticker
    Done
    if {!$Quiet && [Is stderr]} {
        set Ticker [after 1000 [list [namespace current]::Tick $script \
            [clock milliseconds]]]
    }
}

proc ::cluster::shell::terminal::Tick {script since} {
    variable Ticker
    variable Shown
    set seconds [expr {([clock milliseconds] - $since) / 1000 + 1}]
    puts -nonewline stderr "\r[uplevel #0 $script], $seconds s\033\[K"
    flush stderr
    set Shown 1
    set Ticker [after 500 [list [namespace current]::Tick $script $since]]
}

proc ::cluster::shell::terminal::Clear {} {
    variable Shown
    if {$Shown} {
        set Shown 0
        catch {
            puts -nonewline stderr "\r\033\[K"
            flush stderr
        }
    }
}

proc ::cluster::shell::terminal::Done {} {
    variable Ticker
    after cancel $Ticker
    set Ticker {}
    Clear
}

# ---- a live screen -----------------------------------------------------------

# Shows the terminal's other screen, and calls the prefix with each key.
proc ::cluster::shell::terminal::Enter prefix {
    variable Saved
    variable Screen
    if {[Is stdin]} {
        set Saved [exec stty -g <@stdin]
        exec stty -icanon -echo min 1 <@stdin
        fconfigure stdin -blocking 0 -buffering none
        fileevent stdin readable [list [namespace current]::Key $prefix]
    }
    set Screen 1
    puts -nonewline "\033\[?1049h\033\[?25l"
    flush stdout
}

proc ::cluster::shell::terminal::Key prefix {
    set key [read stdin 1]
    if {$key ne {}} {
        {*}$prefix $key
    } elseif {[eof stdin]} {
        fileevent stdin readable {}
    }
}

# Writes lines where the last ones stood, no more than there is room for.
proc ::cluster::shell::terminal::Redraw lines {
    lassign [Size] columns rows
    set text "\033\[H"
    foreach line [lrange $lines 0 $rows-1] {
        append text $line "\033\[K\n"
    }
    puts -nonewline "[string range $text 0 end-1]\033\[J"
    flush stdout
}

# Everything as it was; called whenever and however it ends.
proc ::cluster::shell::terminal::Restore {} {
    variable Saved
    variable Screen
    Done
    if {$Screen} {
        set Screen 0
        catch {
            puts -nonewline "\033\[?25h\033\[?1049l"
            flush stdout
        }
    }
    if {$Saved ne {}} {
        catch {exec stty $Saved <@stdin}
        set Saved {}
    }
}
