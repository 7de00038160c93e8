/* The outbox between two nodes (docs/decisions/005, docs/internals/{fed,outbox}.md), for spin.
 *
 * The sender's collection holds objects 1..N; its only state is a durable cursor. It sends what lies behind the cursor in pages of one or two,
 * and moves the cursor when the receipt of a page comes. The receiver stores a page in one durable transaction, then gives the receipt; a
 * handler reads what is stored behind a durable cursor of its own, does the effect of each object together with a key that says so, then
 * moves on. Messages are lost and doubled, and each of the three dies between any two durable steps, as often as the budget says, in any mixture.
 *
 * Asserted: the cursor never passes an object that the receiver has not stored (no receipt lies), and no effect happens twice.
 * Claimed (ltl): every object has its effect in the end, if whoever can go on does (weak fairness) and mishaps come to an end.
 *
 * MUTANT 1: receipt before the transaction. 2: effects without a key. 3: the handler's cursor moves before the effect. 4: the sender's cursor moves when
 * it sends. Each must fail. */
#ifndef N
#define N 3
#endif
#ifndef BUDGET
#define BUDGET 2
#endif
#ifndef MUTANT
#define MUTANT 0
#endif

byte mishaps = BUDGET; /* of any sort, in any order */
chan data = [2] of { byte, byte }; /* first and last object of a page */
chan receipt = [2] of { byte };    /* last object of the page */
bool stored[N + 1];
byte effects[N + 1];
bool key[N + 1];
byte cursor = 0, handled = 0;      /* durable */

inline store_page(a, b)
{
	d_step {
		i = a;
		do
		:: i <= b -> stored[i] = true; i++
		:: else -> break
		od;
		i = 0
	}
}

inline assert_stored(upto)
{
	d_step {
		i = 1;
		do
		:: i <= upto -> assert(stored[i]); i++
		:: else -> break
		od;
		i = 0
	}
}

inline send_page(a, b)
{
	if
	:: atomic { mishaps > 0 -> mishaps-- }
	:: nfull(data) -> data!a, b
	:: full(data) -> skip                  /* the connection is stuck: lost, too */
	:: atomic { mishaps > 0 && empty(data) -> mishaps--; data!a, b; data!a, b }
	fi
}

inline send_receipt(b)
{
	if
	:: atomic { mishaps > 0 -> mishaps-- }
	:: nfull(receipt) -> receipt!b
	:: full(receipt) -> skip
	:: atomic { mishaps > 0 && empty(receipt) -> mishaps--; receipt!b; receipt!b }
	fi
}

active proctype sender()
{
	byte got, last, i;
start:	got = 0; last = 0;
end:	do
	:: nempty(receipt) -> receipt?got;
		if
		:: atomic { mishaps > 0 -> mishaps-- }; goto start /* the receipt came and is forgotten */
		:: got > cursor -> assert_stored(got); cursor = got
		:: got <= cursor -> skip                        /* an old one */
		fi;
		got = 0
	:: empty(receipt) && cursor < N ->
		if
		:: last = cursor + 1
		:: cursor + 2 <= N -> last = cursor + 2
		fi;
		send_page(cursor + 1, last);
#if MUTANT == 4
		cursor = last; assert_stored(cursor);
#endif
		if
		:: atomic { mishaps > 0 -> mishaps-- }; goto start
		:: last = 0
		fi
	od
}

active proctype receiver()
{
	byte from, upto, i;
start:	from = 0; upto = 0;
end:	do
	:: data?from, upto;
#if MUTANT == 1
		send_receipt(upto);
#endif
		if
		:: atomic { mishaps > 0 -> mishaps-- }; goto start
		:: true
		fi;
		store_page(from, upto);
		if
		:: atomic { mishaps > 0 -> mishaps-- }; goto start /* stored, and nobody was told */
		:: true
		fi;
#if MUTANT != 1
		send_receipt(upto);
#endif
		from = 0; upto = 0
	od
}

active proctype handler()
{
start:
end:	do
	:: handled < N && stored[handled + 1] ->
#if MUTANT == 3
		handled++;
		if
		:: atomic { mishaps > 0 -> mishaps-- }; goto start
		:: true
		fi;
		atomic { effects[handled]++; key[handled] = true }
#else
		d_step { /* one transaction: the effect, and the key that says so */
			if
			:: MUTANT != 2 && key[handled + 1] -> skip
			:: else -> effects[handled + 1]++; key[handled + 1] = true
			fi;
			assert(effects[handled + 1] == 1)
		};
		if
		:: atomic { mishaps > 0 -> mishaps-- }; goto start /* done, and not remembered */
		:: true
		fi;
		handled++
#endif
	od
}

#ifdef LIVE
ltl delivered { <> (handled == N && cursor == N && effects[1] == 1 && effects[N] == 1) }
#endif
